package translate

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"legate/discovery/catalog"
)

// address is where an endpoint listens. Equal addresses have one spelling.
type address struct {
	kind     kind
	host     string // an IP address without brackets, a host name in lower case, or the path of a socket
	port     uint32 // 0 for a socket
	hostname string // the name that was resolved to the IP address; empty if the IP address itself is registered
}

type kind uint8

const (
	kindIP kind = iota
	kindHostname
	kindSocket
)

// compareAddresses does not compare the names that were resolved: two names of one address are one listener.
func compareAddresses(a, b address) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.host, b.host), cmp.Compare(a.port, b.port))
}

const addressRemedy = "register the instance (or its node, if it has no address of its own) with the IP address or host name that clients connect to"

// addressesOf appends where an instance of s listens: one address, or one for each IP address of its
// host name. With a port's name it is that port; an instance without such a port has no address, which
// is no flaw. Envoy accepts port 0 and an unspecified address and then fails requests, so we check these.
func (c Config) addressesOf(addresses []address, s part, i catalog.Instance, portName string) ([]address, []flaw) {
	if i.SocketPath != "" && portName == "" {
		if bad := s.checkSocket(i.SocketPath); bad.found() {
			return addresses, []flaw{bad}
		}
		return append(addresses, address{kind: kindSocket, host: i.SocketPath}), nil
	}
	at, ok := i.Reach(s.reach)
	if !ok {
		return addresses, []flaw{{BadAddress, fmt.Sprintf("it has none of the addresses %s", strings.Join(s.reach, ", ")),
			"register the instance with a tagged address of that name, or let --address end with auto"}}
	}
	port, has := portOf(i, portName, at)
	switch {
	case !has:
		return addresses, nil
	case port < 1 || port > 65535:
		return addresses, []flaw{{BadPort, strings.TrimSpace(fmt.Sprintf("port %d %s", port, portName)),
			"register the instance with the port that it listens on, from 1 to 65535"}}
	}
	if ip, err := netip.ParseAddr(at.Address); err == nil {
		if bad := checkIP(ip); bad.found() {
			return addresses, []flaw{bad}
		}
		return append(addresses, address{host: ip.Unmap().String(), port: uint32(port)}), nil
	}
	host, why := catalog.HostName(at.Address)
	if why != "" {
		return addresses, []flaw{{BadAddress, fmt.Sprintf("address %s %s", quote(at.Address), why), addressRemedy}}
	}
	if !c.Resolved {
		return append(addresses, address{kind: kindHostname, host: host, port: uint32(port)}), nil
	}
	return appendResolved(addresses, host, uint32(port), s.Hosts[host])
}

// appendResolved appends an address for each usable IP address of a host name.
func appendResolved(addresses []address, name string, port uint32, host catalog.Host) ([]address, []flaw) {
	if len(host.Addresses) == 0 {
		return addresses, []flaw{{Unresolved, fmt.Sprintf("host name %s: %s", quote(name), cmp.Or(host.Why, "it was not resolved")),
			"make the name known to DNS, look at the DNS servers (/etc/resolv.conf, --resolve-dns), or register the instance with an IP address"}}
	}
	var flaws []flaw
	for _, ip := range host.Addresses {
		if bad := checkIP(ip); bad.found() {
			bad.detail = fmt.Sprintf("host name %s: %s", quote(name), bad.detail)
			flaws = append(flaws, bad)
			continue
		}
		addresses = append(addresses, address{host: ip.Unmap().String(), port: port, hostname: name})
	}
	return addresses, flaws
}

// checkIP says why nobody can connect to an IP address. ::ffff:10.0.0.1 is 10.0.0.1.
func checkIP(a netip.Addr) flaw {
	a = a.Unmap()
	var why string
	switch {
	case a.IsUnspecified():
		why = "stands for every address of a host, so Envoy would connect to itself"
	case a.IsMulticast():
		why = "is a multicast address"
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		why = "is the broadcast address"
	case a.Zone() != "":
		why = "has a zone, which means something else on every host"
	case a.Is6() && a.IsLinkLocalUnicast(): // IPv4's (169.254.0.0/16) needs no zone to be connected to
		why = "is link-local, and nothing says on which link"
	default:
		return flaw{}
	}
	return flaw{BadAddress, fmt.Sprintf("address %s %s", quote(a.String()), why), addressRemedy}
}

// checkSocket says why no Envoy of this site can connect to a unix socket of a part. One of another site is on none of
// this site's hosts: what has its path here is another socket.
func (s part) checkSocket(path string) flaw {
	if bad := checkSocket(path); bad.found() || !s.far {
		return bad
	}
	return flaw{BadSocket, fmt.Sprintf("unix socket %s is on a host of %s", quote(path), s.Key.Site()),
		"register the instance there with the IP address and port that other sites connect to, under a service id of its own"}
}

// checkSocket says why a path is not that of a unix socket. Linux takes 107 bytes (unix(7), sun_path
// with its ending NUL); the path is absolute, or abstract with Envoy's leading @.
func checkSocket(path string) flaw {
	var why string
	switch reason := invalidName(path); {
	case len(path) >= 108:
		why = "is longer than the 107 bytes that the system takes"
	case reason != "":
		why = "is no path: " + reason
	case path[0] != '/' && path[0] != '@':
		why = "is relative, so it depends on where Envoy was started"
	case len(path) == 1:
		why = "names no socket"
	default:
		return flaw{}
	}
	return flaw{BadSocket, fmt.Sprintf("socket path %s %s", quote(path), why),
		"register the instance with the absolute path of its unix socket, shorter than 108 bytes"}
}
