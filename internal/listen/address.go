package listen

import "net"

// Address returns the address by which a client is counted: an IPv4 address; for IPv6 the /64
// network, which a single host usually has to itself; one address for all clients of a unix socket.
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

// IsLocal reports whether a client is on this machine: it came over loopback or a unix socket.
func IsLocal(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}
