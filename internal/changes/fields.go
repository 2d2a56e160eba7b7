package changes

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"legate/discovery/catalog"
)

// field is one thing that is said of an instance, of a service or of a config entry. Everything that two of them can
// differ in is in the one list or the other, so a difference of the lists is all that there is.
type field struct {
	what  string
	key   string // where there are several of what; empty otherwise
	value string // never empty
}

func (f field) compare(o field) int {
	return cmp.Or(cmp.Compare(f.what, o.what), cmp.Compare(f.key, o.key))
}

// fields is a list of them in the making.
type fields []field

// add adds a field unless its value is empty: that says nothing.
func (f *fields) add(what, key, value string) {
	if value != "" {
		*f = append(*f, field{what, key, value})
	}
}

func (f fields) sorted() fields {
	slices.SortStableFunc(f, field.compare)
	return f
}

// The fields of an instance that others ask for.
const (
	healthField  = "health"
	checkField   = "check"
	addressField = "address"
	tagField     = "tag"
)

// present is the value of a field that says all by its key.
const present = "set"

// instanceFields are what is said of an instance, sorted: all of it, or what may differ from another instance.
func instanceFields(i, than *catalog.Instance) fields {
	f := make(fields, 0, 8)
	all := than == nil
	differs := func(equal bool) bool { return all || !equal }
	if all {
		than = &catalog.Instance{}
	}
	if differs(i.Address == than.Address && i.Port == than.Port && i.SocketPath == than.SocketPath && i.ServiceAddress == than.ServiceAddress && i.NodeAddress == than.NodeAddress) {
		f.add(addressField, "", reached(i))
		f.add("address_beside_socket", "", beside(i))
		f.add("service_address", "", unlike(i.ServiceAddress, i.Address))
		f.add("node_address", "", unlike(i.NodeAddress, i.Address))
	}
	if differs(i.Health == than.Health) {
		f.add(healthField, "", i.Health.String())
	}
	if differs(i.Weights == than.Weights) {
		f.add("weight", "", weight(i.Weights))
	}
	if differs(i.Locality == than.Locality) {
		f.add("zone", "", zone(i.Locality))
	}
	if differs(i.Kind == than.Kind) {
		f.add("kind", "", i.Kind)
	}
	if differs(slices.Equal(i.Checks, than.Checks)) {
		for _, c := range i.Checks {
			f.add(checkField, c.ID, checked(c))
		}
	}
	if differs(slices.Equal(i.Ports, than.Ports)) {
		for _, p := range i.Ports {
			f.add("port", p.Name, port(p))
		}
	}
	if differs(slices.Equal(i.Tags, than.Tags)) {
		for _, tag := range i.Tags {
			f.add(tagField, tag, present)
		}
	}
	if differs(maps.Equal(i.Tagged, than.Tagged)) {
		for tag, a := range i.Tagged {
			f.add("tagged_address", tag, hostPort(a.Address, a.Port))
		}
	}
	if differs(maps.Equal(i.Meta, than.Meta)) {
		for key, value := range i.Meta {
			f.add("meta", key, shown(value))
		}
	}
	if differs(maps.Equal(i.NodeMeta, than.NodeMeta)) {
		for key, value := range i.NodeMeta {
			f.add("node_meta", key, shown(value))
		}
	}
	return f.sorted()
}

func checked(c catalog.Check) string {
	status := cmp.Or(c.Status, "no status")
	if c.Node {
		status += " (of the node)"
	}
	return status
}

func port(p catalog.Port) string {
	if p.Default {
		return strconv.Itoa(p.Port) + " (default)"
	}
	return strconv.Itoa(p.Port)
}

// hostFields are what is said of the host names of a service, sorted.
func hostFields(hosts map[string]catalog.Host) fields {
	var f fields
	for name, h := range hosts {
		all := make([]string, len(h.Addresses))
		for n, a := range h.Addresses {
			all[n] = a.String()
		}
		value := strings.Join(all, " ")
		if h.Why != "" {
			value += "(" + h.Why + ")"
		}
		f.add("host", name, cmp.Or(value, "no address"))
	}
	return f.sorted()
}

// reached is where an instance is reached: host:port, or unix:path.
func reached(i *catalog.Instance) string {
	if i.SocketPath != "" {
		return "unix:" + i.SocketPath
	}
	return hostPort(i.Address, i.Port)
}

// beside is an address that does not count, because there is a socket; empty if there is none.
func beside(i *catalog.Instance) string {
	if i.SocketPath == "" || i.Address == "" && i.Port == 0 {
		return ""
	}
	return hostPort(i.Address, i.Port)
}

func hostPort(address string, port int) string { return net.JoinHostPort(address, strconv.Itoa(port)) }

// unlike is an address if it is not the one that is used.
func unlike(address, used string) string {
	switch address {
	case used:
		return ""
	case "":
		return "none"
	}
	return address
}

// shown is a value that may be empty.
func shown(value string) string {
	if value == "" || value[0] == '"' {
		return strconv.Quote(value)
	}
	return value
}

func weight(w catalog.Weights) string {
	if w.Passing == w.Warning {
		return strconv.Itoa(w.Passing)
	}
	return fmt.Sprintf("%d (%d while warning)", w.Passing, w.Warning)
}

func zone(l catalog.Locality) string {
	if l.Region == "" {
		return l.Zone
	}
	return l.Region + "/" + l.Zone
}
