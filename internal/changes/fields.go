package changes

import (
	"cmp"
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

// compare orders fields by name and key. The health comes first, as it is what is looked for.
func (f field) compare(o field) int {
	switch {
	case f.what == o.what:
		return strings.Compare(f.key, o.key)
	case f.what == healthField:
		return -1
	case o.what == healthField:
		return 1
	}
	return strings.Compare(f.what, o.what)
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

// instanceFields are what two instances say where they differ, sorted. Of what is equal in both nothing is said.
func instanceFields(was, is *catalog.Instance) (before, after fields) {
	unless := func(equal bool, say func(fields, *catalog.Instance) fields) {
		if !equal {
			before, after = say(before, was), say(after, is)
		}
	}
	unless(was.Address == is.Address && was.Port == is.Port && was.SocketPath == is.SocketPath && was.ServiceAddress == is.ServiceAddress && was.NodeAddress == is.NodeAddress,
		func(f fields, i *catalog.Instance) fields {
			f.add(addressField, "", reached(i))
			f.add("address_beside_socket", "", beside(i))
			f.add("service_address", "", unlike(i.ServiceAddress, i.Address))
			f.add("node_address", "", unlike(i.NodeAddress, i.Address))
			return f
		})
	unless(was.Health == is.Health, func(f fields, i *catalog.Instance) fields {
		f.add(healthField, "", i.Health.String())
		return f
	})
	unless(was.Weights == is.Weights, func(f fields, i *catalog.Instance) fields {
		f.add("weight", "", weight(i.Weights))
		return f
	})
	unless(was.Locality == is.Locality, func(f fields, i *catalog.Instance) fields {
		f.add("zone", "", zone(i.Locality))
		return f
	})
	unless(was.Kind == is.Kind, func(f fields, i *catalog.Instance) fields {
		f.add("kind", "", i.Kind)
		return f
	})
	unless(slices.Equal(was.Checks, is.Checks), func(f fields, i *catalog.Instance) fields {
		for _, c := range i.Checks {
			f.add(checkField, c.ID, checked(c))
		}
		return f
	})
	unless(slices.Equal(was.Ports, is.Ports), func(f fields, i *catalog.Instance) fields {
		for _, p := range i.Ports {
			f.add("port", p.Name, port(p))
		}
		return f
	})
	unless(slices.Equal(was.Tags, is.Tags), func(f fields, i *catalog.Instance) fields {
		for _, tag := range i.Tags {
			f.add(tagField, tag, present)
		}
		return f
	})
	unless(maps.Equal(was.Tagged, is.Tagged), func(f fields, i *catalog.Instance) fields {
		for tag, a := range i.Tagged {
			f.add("tagged_address", tag, hostPort(a.Address, a.Port))
		}
		return f
	})
	unless(maps.Equal(was.Meta, is.Meta), func(f fields, i *catalog.Instance) fields {
		for key, value := range i.Meta {
			f.add("meta", key, shown(value))
		}
		return f
	})
	unless(maps.Equal(was.NodeMeta, is.NodeMeta), func(f fields, i *catalog.Instance) fields {
		for key, value := range i.NodeMeta {
			f.add("node_meta", key, shown(value))
		}
		return f
	})
	return before.sorted(), after.sorted()
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
	return strconv.Itoa(w.Passing) + " (" + strconv.Itoa(w.Warning) + " while warning)"
}

func zone(l catalog.Locality) string {
	if l.Region == "" {
		return l.Zone
	}
	return l.Region + "/" + l.Zone
}
