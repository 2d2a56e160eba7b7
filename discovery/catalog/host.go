package catalog

import (
	"net/netip"
	"slices"
	"strings"
)

// Host is what is known of a host name that instances are reached by.
type Host struct {
	// Addresses are all that it stands for, sorted. They may be old: see package resolve.
	Addresses []netip.Addr
	// Why says in a few words why there are none.
	Why string `json:",omitempty"`
}

// Equal reports whether both say the same.
func (h Host) Equal(o Host) bool { return h.Why == o.Why && slices.Equal(h.Addresses, o.Addresses) }

// HostName is an address that is no IP, in the one spelling of its name, and why no host can be
// called so; empty if one can. The rule is RFC 1123 section 2.1, with the underscore that is common
// in practice. A name that ends in a number is a mistyped IP address.
func HostName(address string) (name, why string) {
	switch {
	case address == "":
		return "", "is empty"
	case len(address) > 253:
		return "", "is longer than the 253 bytes of a host name"
	}
	labels := strings.Split(strings.TrimSuffix(address, "."), ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.ContainsFunc(l, notInLabel) {
			return "", "is neither an IP address nor a host name"
		}
	}
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return "", "is not an IP address, and no host name ends in a number"
	}
	return strings.ToLower(address), ""
}

func notInLabel(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// The addresses that Consul knows by itself. Any other name is a tag of a tagged address.
const (
	AutoAddress = "auto" // the service's address, or its node's where it has none
	LANAddress  = "lan"  // the one tagged so, else the same as auto
	WANAddress  = "wan"  // the one tagged so
)

// Reach is where the instance is reached: the first of the wanted addresses that it has; without
// any, AutoAddress. An address without a port has the instance's.
// https://developer.hashicorp.com/consul/api-docs/agent/service#taggedaddresses
func (i Instance) Reach(wanted []string) (at TaggedAddress, ok bool) {
	auto := TaggedAddress{Address: i.Address, Port: i.Port}
	if len(wanted) == 0 {
		return auto, true
	}
	for _, one := range wanted {
		if one == AutoAddress {
			return auto, true
		}
		for _, tag := range tagsOf(one) {
			if at := i.Tagged[tag]; at.Address != "" {
				if at.Port == 0 {
					at.Port = i.Port
				}
				return at, true
			}
		}
		if one == LANAddress {
			return auto, true
		}
	}
	return TaggedAddress{}, false
}

// tagsOf are the tags that an address can have, best first: Consul tags lan and wan by family, too.
func tagsOf(address string) []string {
	if address == LANAddress || address == WANAddress {
		return []string{address, address + "_ipv4", address + "_ipv6"}
	}
	return []string{address}
}
