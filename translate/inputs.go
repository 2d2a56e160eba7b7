package translate

import (
	"slices"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// inputs are what the units read: the services of the catalog, and the sources of policy.
type inputs struct {
	home     catalog.Site // the own one
	services *tree[catalog.ServiceKey, *service]
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

// entry is a config entry as an element of a tree.
type entry struct{ catalog.Entry }

func (e *entry) key() catalog.EntryKey     { return e.Key }
func (e *entry) appendKey(b []byte) []byte { return appendStrings(b, e.Key.Kind, e.Key.Name) }

// apply returns the inputs after d.
func (in inputs) apply(d catalog.Delta) inputs {
	set := make([]*service, len(d.Set))
	for n, s := range d.Set {
		set[n] = &service{s} // a copy: a pointer into d.Set would keep all of it alive
	}
	slices.SortFunc(set, func(a, b *service) int { return a.Key.Compare(b.Key) }) // a Delta is sorted, so this costs next to nothing
	in.services = in.services.with(set)
	for _, k := range d.Gone {
		in.services = in.services.without(k)
	}
	entries := make([]*entry, len(d.Entries))
	for n, e := range d.Entries {
		entries[n] = &entry{e}
	}
	slices.SortFunc(entries, func(a, b *entry) int { return a.Key.Compare(b.Key) })
	in.entries = in.entries.with(entries)
	for _, k := range d.GoneEntries {
		in.entries = in.entries.without(k)
	}
	return in
}

// reader is the only way from a unit to the inputs. It records which services of others are read, also
// when they are not there: a unit depends on a key's absence as it does on its value. A unit's own
// service needs no record, as the unit names it, nor do the config entries of that name.
type reader struct {
	inputs inputs
	own    catalog.ServiceKey
	others []catalog.ServiceKey
	policy *said // what was read of policies; nil: nothing
	before *cell // what the unit is until now; nil: nothing
}

// begin makes r the reader of a unit, which has read nothing yet.
func (r *reader) begin(u unit, before *cell) *reader {
	r.own, r.others, r.policy, r.before = u.service, r.others[:0], nil, before
	return r
}

// service returns the service with the key, and whether there is one.
func (r *reader) service(k catalog.ServiceKey) (catalog.Service, bool) {
	if k != r.own {
		r.others = append(r.others, k)
	}
	s := r.inputs.services.get(k)
	if s == nil {
		return catalog.Service{Key: k}, false
	}
	return s.Service, true
}

// reads are the services of others that were read, sorted and distinct, until r reads for another unit.
func (r *reader) reads() []catalog.ServiceKey {
	slices.SortFunc(r.others, catalog.ServiceKey.Compare)
	r.others = slices.Compact(r.others)
	return r.others
}
