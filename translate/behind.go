package translate

import (
	"iter"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// A change of policy can touch thousands of clusters, and Envoy rebuilds each of them. So it can be taken in
// without being in force anywhere: by Propose and Take. Survey then finds out, some units at a time, which
// become others by it. Those are behind: they go on being built from the sources that they were built from,
// whatever becomes of their instances, until Advance builds them from the newest. All others read the newest
// at once, as it makes no difference to them.
//
// What the entries of other services say of where a unit is served from is in force at once, but for a unit that would
// lose all its instances by that: it is behind, too, until somebody has it built (see led.go).

// Behind is a unit that is behind: a service, or a further port of one.
type Behind struct {
	unit      unit
	Instances int  // of the service that it is served from, the first one that has any
	Led       bool // because of what entries of others say of where it is served from: it waits for nothing but what it lacks
}

// Name is the name of its cluster, and of its assignment.
func (b Behind) Name() string { return b.unit.name() }

// NamesOf are the names of all that a unit became, also of what it shares with others.
func (r Resources) NamesOf(b Behind) (names []Name) {
	for _, one := range r.cells.get(b.unit).all() {
		names = append(names, one.Name)
	}
	return names
}

// survey says which units were not compared with the newest sources yet: those from next on. They are built
// from the sources before.
type survey struct {
	from *sources
	next unit
}

// AnyBehind reports whether a unit is behind, or may turn out to be by the survey that is under way.
func (r Resources) AnyBehind() bool { return r.behind.units != nil || r.survey != nil }

// sourcesOf are the sources from which a unit is built.
func (r Resources) sourcesOf(u unit) sources {
	if l := r.behind.get(u); l != nil {
		return *l.from
	}
	if r.survey != nil && u.Compare(r.survey.next) >= 0 {
		return *r.survey.from
	}
	return r.inputs.sources
}

// Propose returns the Resources for which the operator wants p from now on. Nothing is built. A survey that
// is under way is ended first.
func (r Resources) Propose(p policy.Policies) Resources {
	r = r.surveyed()
	before := r.inputs.sources
	r.inputs.policies = &p
	r.survey = &survey{from: &before}
	return r
}

// Take is Apply for those who let policy wait: services change at once, and config entries are proposed. What the
// entries of other services say of where a unit is served from changes at once, too, unless it would have no instances
// then. Take returns these units, and if the entries are of some services only, which of their units are behind now
// because of them. Else a survey begins. A survey that is under way is ended first.
func (r Resources) Take(d catalog.Delta, views ...Resources) (Resources, []Problem, []Behind) {
	r, problems := r.Apply(catalog.Delta{Set: d.Set, Gone: d.Gone, Since: d.Since}, views...)
	if len(d.Entries)+len(d.GoneEntries) == 0 {
		return r, problems, nil
	}
	r = r.surveyed()
	before := r.inputs.sources
	r.inputs.sources = before.apply(d)
	readers := r.entryReaders(nil, d)
	var touched []Behind
	switch {
	case !saysGlobally(d):
		r, touched = r.look(r.cellsSaidBy(d), &before)
	case len(readers) == 0:
		r.survey = &survey{from: &before}
	default: // those who read an entry wait for nobody
		r.survey = &survey{from: &before}
		for more := true; more; {
			var some []Behind
			r, some, more = r.Survey(surveyed)
			touched = append(touched, some...)
		}
	}
	r.behind = r.behind.with(r.again(d))
	units, led := r.apart(readers, &before)
	r.behind = r.behind.with(led)
	for _, l := range led {
		touched = append(touched, l.behind())
	}
	r, found := r.build(units, d.Since, views)
	return r, append(problems, found...), touched
}

// surveyed is how many units are compared at once where nothing waits for it.
const surveyed = 1024

// Survey compares the next n units with the newest sources. It returns those that are behind because of the
// last change, and whether there are more to compare.
func (r Resources) Survey(n int) (next Resources, touched []Behind, more bool) {
	if r.survey == nil {
		return r, nil, false
	}
	cells := make([]*cell, 0, n)
	for c := range r.cells.from(r.survey.next) {
		if len(cells) == n {
			more = true
			r.survey = &survey{r.survey.from, c.unit}
			break
		}
		cells = append(cells, c)
	}
	from := r.survey.from
	if !more {
		r.survey = nil
	}
	r, touched = r.look(slices.Values(cells), from)
	if !more { // older sources may lack the subsets of a service that came meanwhile
		r, _ = r.build(r.madeBy(r.entries()), time.Time{}, nil)
	}
	return r, touched, more
}

// surveyed is r after its survey.
func (r Resources) surveyed() Resources {
	for more := r.survey != nil; more; {
		r, _, more = r.Survey(surveyed)
	}
	return r
}

// look compares cells, which are sorted, with the newest sources. Those that become others by the last change
// are behind from now on, with the sources from which they were built.
func (r Resources) look(cells iter.Seq[*cell], from *sources) (Resources, []Behind) {
	read := reader{inputs: r.inputs}
	var all []*late
	var touched []Behind
	for c := range cells {
		if c.policy == nil {
			continue
		}
		was, due := r.behind.get(c.unit), r.rules.said(c.unit, read.begin(c.unit, c))
		switch {
		case due.same(c.policy) && !was.isLed():
			r.behind = r.behind.without(c.unit)
		case was != nil && due.same(was.due): // the last change does not touch it
		case was != nil:
			all = append(all, r.late(c, was.from, due, was.led))
			touched = append(touched, all[len(all)-1].behind())
		default:
			all = append(all, r.late(c, from, due, false))
			touched = append(touched, all[len(all)-1].behind())
		}
	}
	r.behind = r.behind.with(all)
	return r, touched
}

// stillBehind returns the units that are behind after one of them was built again, to c: it may be gone, or
// what its service says by now may be the same with old and new sources.
func (r Resources) stillBehind(u unit, c *cell, read *reader) lates {
	l := r.behind.get(u)
	if l == nil {
		return r.behind
	}
	if c == nil || c.policy == nil {
		return r.behind.without(u)
	}
	if r.survey != nil && u.Compare(r.survey.next) >= 0 {
		return r.behind // the survey comes to it
	}
	read.inputs.sources = r.inputs.sources
	due := r.rules.said(u, read.begin(u, c))
	if due.same(c.policy) && !l.led {
		return r.behind.without(u)
	}
	return r.behind.with([]*late{r.late(c, l.from, due, l.led)})
}

// Advance builds units from the newest sources that are behind, and leaves alone those that are not. It costs
// what they cost. Since is when Consul gave the answer behind it; zero if unknown.
func (r Resources) Advance(units []Behind, since time.Time, views ...Resources) (Resources, []Problem) {
	var all []unit
	for _, b := range units {
		if r.behind.get(b.unit) != nil {
			r.behind = r.behind.without(b.unit)
			all = append(all, b.unit)
		}
	}
	return r.build(all, since, views)
}

// Behind are all units that are behind, sorted by service. While a survey is under way there may be more.
func (r Resources) Behind() (all []Behind) {
	for l := range r.behind.units.all() {
		all = append(all, l.behind())
	}
	return all
}

// saysGlobally reports whether a delta has a config entry that is everybody's.
func saysGlobally(d catalog.Delta) bool {
	return slices.ContainsFunc(d.Entries, func(e catalog.Entry) bool { return e.Key.Name == catalog.GlobalEntry }) ||
		slices.ContainsFunc(d.GoneEntries, func(k catalog.EntryKey) bool { return k.Name == catalog.GlobalEntry })
}
