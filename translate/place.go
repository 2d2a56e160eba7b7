package translate

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"legate/discovery/catalog"
)

// place is where an endpoint listens, in the one spelling that equal places share.
type place struct {
	kind kind
	host string // an IP without brackets, a host name in lower case, or the path of a socket
	port uint32 // 0 for a socket
	name string // the host name that stands for the IP; empty: the IP itself is registered
}

type kind uint8

const (
	ip kind = iota
	hostname
	socket
)

const addressRemedy = "register the instance (or its node, if it has no address of its own) with the IP address or host name that clients connect to"

// placesOf judges where an instance of s says it listens: one place, or one for each address of its
// host name. Of a port that it does not have there is none, which is no flaw. Envoy accepts port 0 and
// an unspecified address and then fails requests, so these are our own rules.
func (c Config) placesOf(s catalog.Service, i catalog.Instance, portName string) ([]place, []flaw) {
	if i.SocketPath != "" && portName == "" {
		return one(place{kind: socket, host: i.SocketPath}, judgeSocket(i.SocketPath))
	}
	at, ok := i.Reach(c.Reach)
	if !ok {
		return nil, []flaw{{BadAddress, fmt.Sprintf("it has none of the addresses %s", strings.Join(c.Reach, ", ")),
			"register the instance with a tagged address of that name, or let --address end with auto"}}
	}
	port, has := portOf(i, portName, at)
	switch {
	case !has:
		return nil, nil
	case port < 1 || port > 65535:
		return nil, []flaw{{BadPort, strings.TrimSpace(fmt.Sprintf("port %d %s", port, portName)),
			"register the instance with the port that it listens on, from 1 to 65535"}}
	}
	p := place{port: uint32(port)}
	if addr, err := netip.ParseAddr(at.Address); err == nil {
		return one(p.at(addr), judgeIP(addr))
	}
	host, why := catalog.HostName(at.Address)
	switch known := s.Hosts[host]; {
	case why != "":
		return nil, []flaw{{BadAddress, fmt.Sprintf("address %s %s", quote(at.Address), why), addressRemedy}}
	case !c.Resolved:
		p.kind, p.host = hostname, host
		return []place{p}, nil
	case len(known.Addresses) == 0:
		return nil, []flaw{{Unresolved, fmt.Sprintf("host name %s: %s", quote(host), cmp.Or(known.Why, "it was not resolved")),
			"make the name known to DNS, look at the DNS servers (/etc/resolv.conf, --resolve-dns), or register the instance with an IP address"}}
	default:
		var places []place
		var flaws []flaw
		for _, addr := range known.Addresses {
			if bad := judgeIP(addr); bad.found() {
				bad.detail = fmt.Sprintf("host name %s: %s", quote(host), bad.detail)
				flaws = append(flaws, bad)
				continue
			}
			one := p.at(addr)
			one.name = host
			places = append(places, one)
		}
		return places, flaws
	}
}

func one(p place, bad flaw) ([]place, []flaw) {
	if bad.found() {
		return nil, []flaw{bad}
	}
	return []place{p}, nil
}

// at is the place's port on an IP address; ::ffff:10.0.0.1 is 10.0.0.1.
func (p place) at(addr netip.Addr) place {
	p.host = addr.Unmap().String()
	return p
}

func judgeIP(a netip.Addr) flaw {
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

// judgeSocket holds a path to what Linux takes: 107 bytes (unix(7), sun_path with its ending
// NUL), absolute, or abstract with Envoy's leading @.
func judgeSocket(path string) flaw {
	var why string
	switch reason := unfit(path); {
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
