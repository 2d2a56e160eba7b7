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
	in.services = in.services.with(set)
	for _, k := range d.Gone {
		in.services = in.services.without(k)
	}
	return in
}

// reader is the only way from a unit to the inputs. It records what is read, also what is not
// there: a unit depends on a key's absence as it does on its value.
type reader struct {
	inputs inputs
	keys   []catalog.ServiceKey
}

// service returns the service with the key, and whether there is one.
func (r *reader) service(k catalog.ServiceKey) (catalog.Service, bool) {
	r.keys = append(r.keys, k)
	s := r.inputs.services.get(k)
	if s == nil {
		return catalog.Service{Key: k}, false
	}
	return s.Service, true
}

// reads are the keys that were read, sorted and distinct. They are valid until the next reset.
func (r *reader) reads() []catalog.ServiceKey {
	slices.SortFunc(r.keys, catalog.ServiceKey.Compare)
	r.keys = slices.Compact(r.keys)
	return r.keys
}

func (r *reader) reset() { r.keys = r.keys[:0] }
