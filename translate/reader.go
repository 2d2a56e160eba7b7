package translate

import (
	"cmp"
	"slices"
	"strings"

	"legate/discovery/catalog"
	"legate/translate/chain"
)

// dependency is what a unit read: a service, a config entry, at which other sites there are services of a name, or which
// services of a site have a name if capitals do not count. Of the latter two, the first is a service without a site, and
// the other one has its name in lower case.
type dependency struct {
	service catalog.ServiceKey
	entry   catalog.EntryKey
	folded  bool
}

// Compare orders services before entries.
func (d dependency) Compare(o dependency) int {
	if c := cmp.Or(d.entry.Compare(o.entry), d.service.Compare(o.service)); c != 0 || d.folded == o.folded {
		return c
	}
	if o.folded {
		return -1
	}
	return 1
}

// sites is the dependency on the sites that have a service of that name.
func sites(name string) dependency { return dependency{service: catalog.ServiceKey{Name: name}} }

// reader is the only way from a unit to the inputs. It records what is read of others, also
// when it is not there: a unit depends on a key's absence as it does on its value. A unit's own
// service needs no record, as the unit names it, nor do the config entries by which its policy is made.
type reader struct {
	inputs inputs
	newest *inputs // whose entries say where a unit is served from, if inputs have older ones; nil: they have not
	own    catalog.ServiceKey
	others []dependency
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
		r.others = append(r.others, dependency{service: k})
	}
	s := r.inputs.services.get(k)
	if s == nil {
		return catalog.Service{Key: k}, false
	}
	return s.Service, true
}

// folded is the dependency on the services that have k's name if capitals do not count.
func folded(k catalog.ServiceKey) dependency {
	k.Name = strings.ToLower(k.Name)
	return dependency{service: k, folded: true}
}

// registered is the key of a service that a unit is led to. Consul does not tell names of services apart by case: it
// answers for each of web, Web and WEB with the instances of all. So if nobody registers it as it is spelled, any other
// spelling will do. The unit's own service is what it is.
func (r *reader) registered(u unit, k catalog.ServiceKey) catalog.ServiceKey {
	if k == u.service {
		return k
	}
	if _, is := r.service(k); is {
		return k
	}
	name := folded(k)
	r.others = append(r.others, name)
	if r.inputs.services.get(name.service) != nil {
		return name.service
	}
	for c := range r.inputs.capitals.from(capitalKey{folded: name.service}) {
		if c.folded == name.service {
			return c.service
		}
		break
	}
	return k
}

// elsewhere returns the services of a name at all other sites.
func (r *reader) elsewhere(name string) (all []catalog.Service) {
	r.others = append(r.others, sites(name))
	for s := range r.inputs.elsewhere(name) {
		s, _ := r.service(s.Key)
		all = append(all, s)
	}
	return all
}

// entryOf is the element of an entry; nil: there is none. What others' entries say of where a unit is served from counts
// at once; what the own ones say counts as its policy does.
func (r *reader) entryOf(k catalog.EntryKey) *entry {
	if r.newest != nil && k != chain.Key(r.own.Name) {
		return r.newest.entries.get(k)
	}
	return r.inputs.entries.get(k)
}

// entry returns the config entry with the key, and whether there is one.
func (r *reader) entry(k catalog.EntryKey) (catalog.Entry, bool) {
	r.others = append(r.others, dependency{entry: k})
	e := r.entryOf(k)
	if e == nil {
		return catalog.Entry{Key: k}, false
	}
	return e.Entry, true
}

// resolver returns the config entry with the key, and whether there is one. That of the own service needs no record:
// it is one of those by which the policy is made.
func (r *reader) resolver(k catalog.EntryKey) (catalog.Entry, bool) {
	if k != chain.Key(r.own.Name) {
		return r.entry(k)
	}
	if e := r.inputs.entries.get(k); e != nil {
		return e.Entry, true
	}
	return catalog.Entry{}, false
}

// reads is what was read of others, sorted and distinct, until r reads for another unit.
func (r *reader) reads() []dependency {
	slices.SortFunc(r.others, dependency.Compare)
	r.others = slices.Compact(r.others)
	return r.others
}
