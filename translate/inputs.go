package translate

import (
	"slices"

	"legate/discovery/catalog"
)

// inputs are what the units read: the services of the catalog.
type inputs struct {
	services *tree[catalog.ServiceKey, *service]
}

// service is a service as an element of a tree.
type service struct{ catalog.Service }

func (s *service) key() catalog.ServiceKey   { return s.Key }
func (s *service) appendKey(b []byte) []byte { return appendService(b, s.Key) }

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
	return in
}

// reader is the only way from a unit to the inputs. It records which services of others are read, also
// when they are not there: a unit depends on a key's absence as it does on its value. A unit's own
// service needs no record, as the unit names it.
type reader struct {
	inputs inputs
	own    catalog.ServiceKey
	others []catalog.ServiceKey
}

// begin makes r the reader of a unit, which has read nothing yet.
func (r *reader) begin(u unit) *reader {
	r.own, r.others = u.service, r.others[:0]
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
