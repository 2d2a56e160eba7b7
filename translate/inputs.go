package translate

import (
	"cmp"
	"iter"
	"slices"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// inputs are what the units read: the services of the catalog, and the sources of policy.
type inputs struct {
	home     catalog.Site // the own one
	services *tree[catalog.ServiceKey, *service]
	remote   *tree[remoteKey, *remoteKey] // the services of all other sites, by their names
	capitals *tree[capitalKey, *capitalKey]
	sources
}

// sources say how services are reached, besides what the services say of themselves: Consul's config entries,
// and what the operator wants. A unit that is behind reads older ones.
type sources struct {
	entries  *tree[catalog.EntryKey, *entry]
	policies *policy.Policies // nil: the zero Policies
}

// Service is what was said last of a service, and whether it is there.
func (r Resources) Service(k catalog.ServiceKey) (catalog.Service, bool) {
	if s := r.inputs.services.get(k); s != nil {
		return s.Service, true
	}
	return catalog.Service{}, false
}

// Entry is what was said last of a config entry, and whether it is there.
func (r Resources) Entry(k catalog.EntryKey) (catalog.Entry, bool) {
	if e := r.inputs.entries.get(k); e != nil {
		return e.Entry, true
	}
	return catalog.Entry{}, false
}

// service is a service as an element of a tree.
type service struct{ catalog.Service }

func (s *service) key() catalog.ServiceKey   { return s.Key }
func (s *service) appendKey(b []byte) []byte { return appendService(b, s.Key) }

// entry is a config entry as an element of a tree, with the filters of its subsets read.
type entry struct {
	catalog.Entry
	filters map[string]filtering
}

func (e *entry) key() catalog.EntryKey     { return e.Key }
func (e *entry) appendKey(b []byte) []byte { return appendStrings(b, e.Key.Kind, e.Key.Name) }

// apply returns the inputs after d.
func (in inputs) apply(d catalog.Delta) inputs {
	set := make([]*service, len(d.Set))
	var remote []*remoteKey
	var capitals []*capitalKey
	for n, s := range d.Set {
		set[n] = &service{s} // a copy: a pointer into d.Set would keep all of it alive
		if s.Key.Site() != in.home && in.services.get(s.Key) == nil {
			remote = append(remote, &remoteKey{s.Key})
		}
		if c, is := capitalized(s.Key); is {
			capitals = append(capitals, &c)
		}
	}
	slices.SortFunc(set, func(a, b *service) int { return a.Key.Compare(b.Key) }) // a Delta is sorted, so this costs next to nothing
	slices.SortFunc(remote, func(a, b *remoteKey) int { return a.Compare(*b) })
	slices.SortFunc(capitals, func(a, b *capitalKey) int { return a.Compare(*b) })
	in.services, in.remote, in.capitals = in.services.with(set), in.remote.with(remote), in.capitals.with(capitals)
	for _, k := range d.Gone {
		in.services, in.remote = in.services.without(k), in.remote.without(remoteKey{k})
		if c, is := capitalized(k); is {
			in.capitals = in.capitals.without(c)
		}
	}
	in.sources = in.sources.apply(d)
	return in
}

// apply returns the sources after d.
func (from sources) apply(d catalog.Delta) sources {
	entries := make([]*entry, len(d.Entries))
	for n, e := range d.Entries {
		entries[n] = &entry{e, filteringsOf(e.Resolver)}
	}
	slices.SortFunc(entries, func(a, b *entry) int { return a.Key.Compare(b.Key) })
	from.entries = from.entries.with(entries)
	for _, k := range d.GoneEntries {
		from.entries = from.entries.without(k)
	}
	return from
}

// remoteKey is the key of a service elsewhere. It is ordered by name, so that all sites that have a name are found.
type remoteKey struct{ service catalog.ServiceKey }

// Compare orders keys by name, and then by site.
func (k remoteKey) Compare(o remoteKey) int {
	return cmp.Or(cmp.Compare(k.service.Name, o.service.Name), k.service.Compare(o.service))
}

func (k *remoteKey) key() remoteKey            { return *k }
func (k *remoteKey) appendKey(b []byte) []byte { return appendService(b, k.service) }

// capitalKey is the key of a service whose name has capitals. It is ordered by what the name is without.
type capitalKey struct{ folded, service catalog.ServiceKey }

// capitalized is the key of a service as one whose name has capitals, if it has.
func capitalized(k catalog.ServiceKey) (capitalKey, bool) {
	c := capitalKey{folded(k).service, k}
	return c, c.folded != k
}

// Compare orders keys by the name without capitals.
func (k capitalKey) Compare(o capitalKey) int {
	return cmp.Or(k.folded.Compare(o.folded), k.service.Compare(o.service))
}

func (k *capitalKey) key() capitalKey           { return *k }
func (k *capitalKey) appendKey(b []byte) []byte { return appendService(b, k.service) }

// elsewhere yields the services of that name at all other sites.
func (in inputs) elsewhere(name string) iter.Seq[catalog.Service] {
	return func(yield func(catalog.Service) bool) {
		for k := range in.remote.from(remoteKey{catalog.ServiceKey{Name: name}}) {
			if k.service.Name != name || !yield(in.services.get(k.service).Service) {
				return
			}
		}
	}
}

// here is the key of the own service of that name.
func (in inputs) here(name string) catalog.ServiceKey { return in.home.Service(name) }
