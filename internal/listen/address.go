package listen

import "net"

// Address is what counts as one address of who connects: an IPv4 address; of IPv6 the network of 64
// bits, which is what a single host usually has to itself; all of a unix socket.
func Address(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return a.Network()
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is6() {
		if network, err := ip.Prefix(64); err == nil {
			return network.String()
		}
	}
	return ip.String()
}

// near reports whether who connects is on this machine.
func near(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}
