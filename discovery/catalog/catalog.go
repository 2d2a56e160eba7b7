package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// ServiceKey names a service. Peer is empty for services of the datacenter itself.
type ServiceKey struct {
	Datacenter string
	Peer       string
	Name       string
}

// Compare orders keys by datacenter, peer and name.
func (k ServiceKey) Compare(o ServiceKey) int {
	return cmp.Or(
		cmp.Compare(k.Datacenter, o.Datacenter),
		cmp.Compare(k.Peer, o.Peer),
		cmp.Compare(k.Name, o.Name),
	)
}

// String is the service's name, with its peer and datacenter where they are set: name.peer.datacenter.
func (k ServiceKey) String() string {
	s := k.Name
	if k.Peer != "" {
		s += "." + k.Peer
	}
	if k.Datacenter != "" {
		s += "." + k.Datacenter
	}
	return s
}

// Askable says whether Consul lets itself be asked for a service of this name: it refuses a path in
// which anything is not printable, although such names can be registered, and are listed. Of these
// a catalog has the name alone.
// https://github.com/hashicorp/go-cleanhttp/blob/v0.5.2/handlers.go
func (k ServiceKey) Askable() bool {
	return k.Name != "" && !strings.ContainsFunc(k.Name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Catalog is what Consul was last believed to say.
type Catalog map[ServiceKey]Service

// Delta is the difference between two catalogs. Set and Gone are sorted by key and disjoint.
type Delta struct {
	Set  []Service
	Gone []ServiceKey
	// Since is when the oldest Consul answer in this Delta arrived; zero if unknown.
	Since time.Time
}

// Empty reports whether the Delta changes nothing.
func (d Delta) Empty() bool { return len(d.Set) == 0 && len(d.Gone) == 0 }

// Apply returns the catalog after d. The receiver is not changed.
func (c Catalog) Apply(d Delta) Catalog {
	next := maps.Clone(c)
	if next == nil {
		next = make(Catalog, len(d.Set))
	}
	for _, s := range d.Set {
		next[s.Key] = s
	}
	for _, k := range d.Gone {
		delete(next, k)
	}
	return next
}

// Diff returns the Delta that turns c into to: c.Apply(c.Diff(to)) equals to.
func (c Catalog) Diff(to Catalog) Delta {
	var d Delta
	for k, s := range to {
		if old, ok := c[k]; !ok || !old.Equal(s) {
			d.Set = append(d.Set, s)
		}
	}
	for k := range c {
		if _, ok := to[k]; !ok {
			d.Gone = append(d.Gone, k)
		}
	}
	slices.SortFunc(d.Set, func(a, b Service) int { return a.Key.Compare(b.Key) })
	slices.SortFunc(d.Gone, ServiceKey.Compare)
	return d
}

// Equal reports whether both catalogs hold equal services.
func (c Catalog) Equal(o Catalog) bool {
	return maps.EqualFunc(c, o, Service.Equal)
}
