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

// String is the service's name, with its peer and datacenter where they are set: web.dc1, web.cluster01.peer.dc1.
func (k ServiceKey) String() string {
	s := k.Name
	if k.Peer != "" {
		s += "." + k.Peer + ".peer"
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

// Catalog is what Consul was last believed to say. The zero Catalog is empty.
type Catalog struct {
	Services map[ServiceKey]Service
	Entries  map[EntryKey]Entry
}

// New is the empty catalog, to be filled in.
func New() Catalog { return Catalog{map[ServiceKey]Service{}, map[EntryKey]Entry{}} }

// Of is a catalog of these services, without entries.
func Of(services ...Service) Catalog { return Catalog{}.Apply(Delta{Set: services}) }

// Delta is the difference between two catalogs. Set and Gone are about services, Entries and
// GoneEntries about config entries. Each is sorted by key; what is set is not gone.
type Delta struct {
	Set         []Service
	Gone        []ServiceKey
	Entries     []Entry
	GoneEntries []EntryKey
	// Since is when the oldest Consul answer in this Delta arrived; zero if unknown.
	Since time.Time
}

// Empty reports whether the Delta changes nothing.
func (d Delta) Empty() bool {
	return len(d.Set)+len(d.Gone)+len(d.Entries)+len(d.GoneEntries) == 0
}

// Empty reports whether there is nothing in the catalog.
func (c Catalog) Empty() bool { return len(c.Services)+len(c.Entries) == 0 }

// Apply returns the catalog after d. The receiver is not changed.
func (c Catalog) Apply(d Delta) Catalog {
	return Catalog{
		Services: apply(c.Services, d.Set, d.Gone, Service.key),
		Entries:  apply(c.Entries, d.Entries, d.GoneEntries, Entry.key),
	}
}

// Diff returns the Delta that turns c into to: c.Apply(c.Diff(to)) equals to.
func (c Catalog) Diff(to Catalog) (d Delta) {
	d.Set, d.Gone = diff(c.Services, to.Services, Service.Equal, ServiceKey.Compare, Service.key)
	d.Entries, d.GoneEntries = diff(c.Entries, to.Entries, Entry.Equal, EntryKey.Compare, Entry.key)
	return d
}

// Equal reports whether both catalogs hold equal services and entries.
func (c Catalog) Equal(o Catalog) bool {
	return maps.EqualFunc(c.Services, o.Services, Service.Equal) && maps.EqualFunc(c.Entries, o.Entries, Entry.Equal)
}

func (s Service) key() ServiceKey { return s.Key }
func (e Entry) key() EntryKey     { return e.Key }

func apply[K comparable, V any](all map[K]V, set []V, gone []K, key func(V) K) map[K]V {
	if len(set)+len(gone) == 0 && all != nil {
		return all // it is shared: nothing that was handed out is changed
	}
	next := maps.Clone(all)
	if next == nil {
		next = make(map[K]V, len(set))
	}
	for _, v := range set {
		next[key(v)] = v
	}
	for _, k := range gone {
		delete(next, k)
	}
	return next
}

func diff[K comparable, V any](from, to map[K]V, equal func(a, b V) bool, compare func(a, b K) int, key func(V) K) (set []V, gone []K) {
	for k, v := range to {
		if old, ok := from[k]; !ok || !equal(old, v) {
			set = append(set, v)
		}
	}
	for k := range from {
		if _, ok := to[k]; !ok {
			gone = append(gone, k)
		}
	}
	slices.SortFunc(set, func(a, b V) int { return compare(key(a), key(b)) })
	slices.SortFunc(gone, compare)
	return set, gone
}
