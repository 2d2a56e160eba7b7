package translate

import (
	"slices"

	"legate/discovery/catalog"
)

// A unit that is behind can be led to services that nobody read until now, since nothing was served from them. What it
// would read is needed already (see Needs), so that they can be there before it is built from the newest sources. Lacks
// says whether they are; who advances units decides how long to wait for that.

// late is a unit that is behind, as an element of a tree.
type late struct {
	unit unit
	from *sources // which it is built from
	due  *said    // what the newest say of it
	// led is true if it is behind because of what entries of others say of where it is served from: those it reads from
	// its own sources, too.
	led   bool
	reads []dependency // what it would read of others by the newest sources, sorted; nil: what it reads now

	instances int // see Behind
}

func (l *late) key() unit                 { return l.unit }
func (l *late) appendKey(b []byte) []byte { return l.unit.appendTo(b) }
func (l *late) behind() Behind            { return Behind{l.unit, l.instances, l.led} }

// isLed reports whether a late that may be nil is led.
func (l *late) isLed() bool { return l != nil && l.led }

// late is the unit of a cell that is behind from now on.
func (r Resources) late(c *cell, from *sources, due *said, led bool) *late {
	l := &late{unit: c.unit, from: from, due: due, led: led}
	read := reader{inputs: r.inputs, newest: &r.inputs}
	if read.inputs.sources = *from; led {
		read.newest = nil
	}
	l.instances = r.instancesFor(c.unit, &read)
	if led || !slices.Equal(due.failover, c.policy.failover) || !due.basis.resolver().Equal(c.policy.basis.resolver()) {
		read = reader{inputs: r.inputs}
		for _, k := range r.rules.servedFrom(c.unit, &read) {
			read.service(k)
		}
		l.reads = read.reads()
	}
	return l
}

// instancesFor counts the instances of the service that a unit is served from, the first one that has any.
func (r Resources) instancesFor(u unit, read *reader) int {
	for _, k := range r.rules.servedFrom(u, read) {
		if s := r.inputs.services.get(k); s != nil && len(s.Instances) > 0 {
			return len(s.Instances)
		}
	}
	return 0
}

// newestFor is what a unit reads the entries of others from, in the place of its own sources; nil: from these. The newest
// are r's inputs.
func (r Resources) newestFor(u unit, newest *inputs) *inputs {
	if r.behind.get(u).isLed() {
		return nil
	}
	return newest
}

// apart takes apart units that read what changed since the sources before: those that can be built, and those that would
// have no instances any more, which are behind.
func (r Resources) apart(readers []unit, before *sources) (units []unit, led []*late) {
	slices.SortFunc(readers, unit.Compare)
	for _, u := range slices.Compact(readers) {
		c, from := r.cells.get(u), before
		if was := r.behind.get(u); was != nil {
			from = was.from
		}
		read := reader{inputs: r.inputs, newest: r.newestFor(u, &r.inputs)}
		read.inputs.sources = r.sourcesOf(u)
		if !c.served() || r.instancesFor(u, &read) > 0 {
			units = append(units, u)
			continue
		}
		read = reader{inputs: r.inputs}
		if read.inputs.sources = *from; r.instancesFor(u, &read) == 0 {
			units = append(units, u)
			continue
		}
		read.inputs.sources = r.inputs.sources
		led = append(led, r.late(c, from, r.rules.said(u, read.begin(u, c)), true))
	}
	return units, led
}

// again are the units that are behind and would read an entry of d, as they are with that.
func (r Resources) again(d catalog.Delta) (all []*late) {
	var units []unit
	for _, e := range d.Entries {
		units = r.behind.due.of(units, dependency{entry: e.Key})
	}
	for _, k := range d.GoneEntries {
		units = r.behind.due.of(units, dependency{entry: k})
	}
	slices.SortFunc(units, unit.Compare)
	for _, u := range slices.Compact(units) {
		l := r.behind.get(u)
		all = append(all, r.late(r.cells.get(u), l.from, l.due, l.led))
	}
	return all
}

// Lacks are the services that a unit which is behind would be served from first, and that are not there: those before the
// first one that has instances. Consul may have them in another case.
func (r Resources) Lacks(b Behind) (lacks []catalog.ServiceKey) {
	if l := r.behind.get(b.unit); l == nil || l.reads == nil {
		return nil
	}
	for _, k := range r.rules.servedFrom(b.unit, &reader{inputs: r.inputs}) {
		switch s := r.inputs.services.get(k); {
		case s == nil:
			lacks = append(lacks, k)
		case len(s.Instances) > 0:
			return lacks
		}
	}
	return lacks
}

// Due are the units that are behind, and would be served from services that d sets.
func (r Resources) Due(d catalog.Delta) (all []Behind) {
	var units []unit
	for i := range d.Set {
		units = r.behind.due.ofService(units, d.Set[i].Key)
	}
	slices.SortFunc(units, unit.Compare)
	for _, u := range slices.Compact(units) {
		all = append(all, r.behind.get(u).behind())
	}
	return all
}

// lates are the units that are behind.
type lates struct {
	units *tree[unit, *late]
	due   readers // what they would read of others, where that is another thing than what they read
}

func (all lates) get(u unit) *late { return all.units.get(u) }

// with has some, which are sorted, in the place of what was of their units.
func (all lates) with(some []*late) lates {
	if len(some) == 0 {
		return all
	}
	reread := make([]rereading, len(some))
	for i, l := range some {
		reread[i] = rereading{unit: l.unit, to: l.reads}
		if was := all.get(l.unit); was != nil {
			reread[i].from = was.reads
		}
	}
	return lates{all.units.with(some), all.due.after(reread)}
}

func (all lates) without(u unit) lates {
	l := all.get(u)
	if l == nil {
		return all
	}
	return lates{all.units.without(u), all.due.after([]rereading{{unit: u, from: l.reads}})}
}
