package translate

import (
	"cmp"
	"slices"

	"legate/discovery/catalog"
)

// Needs reports whether something is served from a service elsewhere besides its own cluster, or would be if it was
// there: a unit reads it, or will by a change of policy that it waits for, or the policy has its name fail over to where
// it is, though nothing of that name is known yet.
func (r Resources) Needs(k catalog.ServiceKey) bool {
	return r.isRead(k) || r.mayBegin(k)
}

// isRead reports whether some unit reads a service of others, or will.
func (r Resources) isRead(k catalog.ServiceKey) bool {
	return r.readers.any(k) || r.behind.due.any(k)
}

// ReadBy are the names of the clusters that are served from a service, or would be if it was there, sorted: its own,
// those whose units read it, and its plain name if the policy has that fail over to where the service is.
func (r Resources) ReadBy(k catalog.ServiceKey) (names []string) {
	for c := range r.cellsOf(k) {
		names = append(names, c.unit.name())
	}
	for _, u := range r.behind.due.ofService(r.readers.ofService(nil, k), k) {
		names = append(names, u.name())
	}
	if r.mayBegin(k) {
		names = append(names, k.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Reads are the services that a cluster of that name is served from, or would be if they were there: those that its unit
// has read, or, of a name that nothing is known of, those that the policy has it fail over to, whatever the name stands for.
// Each of the folded stands for all services that have its name in whatever case.
func (r Resources) Reads(cluster string) (keys, folded []catalog.ServiceKey) {
	if r.rules == nil {
		return nil, nil // there are no Resources yet
	}
	u, is := r.unitOf(cluster)
	c := r.cells.get(u)
	if !is || c == nil {
		for u := range r.rules.namesakes(cluster) {
			keys = append(keys, r.rules.servedFrom(u, &reader{inputs: r.inputs})...)
		}
		return keys, nil
	}
	keys = append(keys, u.service)
	reads := c.reads
	if l := r.behind.get(u); l != nil {
		reads = slices.Concat(reads, l.reads)
	}
	for _, d := range reads {
		switch {
		case d.folded:
			folded = append(folded, d.service)
		case d.service.Datacenter != "": // else it is an entry, or all services of a name
			keys = append(keys, d.service)
		}
	}
	return keys, folded
}

// mayBegin reports whether a name that nothing is known of would be served from a service.
func (r Resources) mayBegin(k catalog.ServiceKey) bool {
	if r.rules == nil {
		return false // there are no Resources yet
	}
	here := r.inputs.here(k.Name)
	if k == here || r.inputs.services.get(here) != nil || r.cells.get(unit{service: here}) != nil {
		return false // its unit has read all that it is served from
	}
	return slices.Contains(r.rules.servedFrom(unit{service: here}, &reader{inputs: r.inputs}), k)
}

// DiffReads says which services began to be read, or ceased to be, since from, and which a name of here may begin to be served
// from, or no longer: what [Resources.Needs] says of others is the same, unless all is true. A key stands for all services
// that have its name in whatever case. It costs what differs. All is true only if what differs is everybody's: the policy, or which datacenters there are.
func (r Resources) DiffReads(from Resources) (keys []catalog.ServiceKey, all bool) {
	if r.inputs.policies != from.inputs.policies {
		return nil, true
	}
	reads := func(old, now *pair) {
		d := cmp.Or(now, old).read
		if is, was := r.readers.has(d) || r.behind.due.has(d), from.readers.has(d) || from.behind.due.has(d); is != was && d.service.Datacenter != "" {
			keys = append(keys, d.service)
		}
	}
	compare(from.readers.pairs, r.readers.pairs, reads)
	compare(from.behind.due.pairs, r.behind.due.pairs, reads)
	begins := func(here catalog.ServiceKey) { // or ends to be known: see mayBegin
		for _, in := range []inputs{from.inputs, r.inputs} { // what its owner says counts while it is there
			for _, k := range r.rules.servedFrom(unit{service: here}, &reader{inputs: in}) {
				if k != here {
					keys = append(keys, k)
				}
			}
		}
	}
	compare(from.inputs.entries, r.inputs.entries, func(old, now *entry) {
		switch e := cmp.Or(now, old); e.Key.Kind {
		case catalog.Datacenters:
			all = all || !sameSites(old, now)
		case catalog.ServiceResolver: // no other kind says where a service is
			begins(r.inputs.here(e.Key.Name))
		}
	})
	compare(from.cells, r.cells, func(old, now *cell) {
		if c := cmp.Or(old, now); (old == nil) != (now == nil) && c.unit == (unit{service: r.inputs.here(c.unit.service.Name)}) {
			begins(c.unit.service)
		}
	})
	compare(from.inputs.services, r.inputs.services, func(old, now *service) {
		if s := cmp.Or(old, now); (old == nil) != (now == nil) && s.Key.Site() == r.inputs.home && r.cells.get(unit{service: s.Key}) == nil {
			begins(s.Key)
		}
	})
	if all {
		return nil, true
	}
	slices.SortFunc(keys, catalog.ServiceKey.Compare)
	return slices.Compact(keys), false
}

// sameSites reports whether two entries that may be nil name the same datacenters, in whatever order.
func sameSites(a, b *entry) bool {
	sites := func(e *entry) []string {
		if e == nil {
			return nil
		}
		return slices.Sorted(slices.Values(e.Datacenters))
	}
	return slices.Equal(sites(a), sites(b))
}
