package translate

import (
	"fmt"
	"net/netip"
	"strings"

	"legate/discovery"
)

// place is where an endpoint listens, in the one spelling that equal places share.
type place struct {
	kind kind
	host string // an IP without brackets, a host name in lower case, or the path of a socket
	port uint32 // 0 for a socket
}

type kind uint8

const (
	ip kind = iota
	hostname
	socket
)

const addressRemedy = "register the instance (or its node, if it has no address of its own) with the IP address or host name that clients connect to"

// placeOf judges where an instance says it listens. Envoy accepts port 0 and an unspecified
// address and then fails requests, so these are our own rules.
func placeOf(i discovery.Instance) (place, flaw) {
	if i.SocketPath != "" {
		return place{kind: socket, host: i.SocketPath}, judgeSocket(i.SocketPath)
	}
	if i.Port < 1 || i.Port > 65535 {
		return place{}, flaw{BadPort, fmt.Sprintf("port %d", i.Port),
			"register the instance with the port that it listens on, from 1 to 65535"}
	}
	p := place{port: uint32(i.Port)}
	addr, err := netip.ParseAddr(i.Address)
	if err != nil {
		p.kind, p.host = hostname, strings.ToLower(i.Address)
		return p, judgeHostname(i.Address)
	}
	addr = addr.Unmap() // ::ffff:10.0.0.1 is 10.0.0.1
	p.host = addr.String()
	return p, judgeIP(addr)
}

func judgeIP(a netip.Addr) flaw {
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

// judgeHostname holds a name to RFC 1123 section 2.1, with the underscore that is common in
// practice. A name that ends in a number is a mistyped IP address.
func judgeHostname(name string) flaw {
	bad := func(why string) flaw {
		return flaw{BadAddress, fmt.Sprintf("address %s %s", quote(name), why), addressRemedy}
	}
	if name == "" {
		return bad("is empty")
	}
	if len(name) > 253 {
		return bad("is longer than the 253 bytes of a host name")
	}
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.ContainsFunc(l, notInLabel) {
			return bad("is neither an IP address nor a host name")
		}
	}
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return bad("is not an IP address, and no host name ends in a number")
	}
	return flaw{}
}

func notInLabel(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
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
