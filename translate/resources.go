package translate

import (
	"iter"
	"slices"
	"strings"
	"time"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// Resources are what a catalog became: for each service that can be served, a cluster and an
// assignment of the same name. It is a value: nothing that was handed out ever changes, and
// older values stay usable and share what did not change. Methods may be called concurrently.
// The zero Resources is empty and good for [Resources.Diff]; to Apply, begin with [New].
type Resources struct {
	rules   rules
	inputs  inputs
	readers readers
	holders holders
	cells   *tree[unit, *cell]
	flawed  *tree[unit, *cell] // those of the cells that have problems
	removed time.Time          // Since of the last delta that took a cell away
	behind  lates
	survey  *survey // which units are not compared yet; nil: none
}

// rules say which units there are and what they become. They are pure, and hold to this:
//
//   - build looks at the inputs through its reader only;
//   - a unit that becomes anything is called for by a service or by an entry that is there;
//   - a unit that a service calls for is its own, or reads it;
//   - what a service elsewhere calls for depends on it and on whether there is a service of its name here.
//
// So it is enough to build what a changed service calls for, its own units, and those that have read it; and with an
// own service what those of its name elsewhere call for.
type rules interface {
	// units appends the units that a service calls for.
	units([]unit, inputs, catalog.Service) []unit
	// unitsOfEntry appends the units that an entry calls for.
	unitsOfEntry([]unit, inputs, catalog.Entry) []unit
	// build returns the resources of a unit, sorted by name, and what is left out of them.
	build(unit, *reader) ([]Resource, []Problem)
	// said returns the policy of a unit that build has read one for.
	said(unit, *reader) *said
	// servedFrom returns from which services a unit is served, or would be if they were there, the first ones first.
	servedFrom(unit, *reader) []catalog.ServiceKey
	// called returns the unit that has a name.
	called(string, *reader) (unit, bool)
	// namesakes yields the units that can have a name, whether they are there or not.
	namesakes(string) iter.Seq[unit]
	// became says what build made of each instance, by the policy that the unit has.
	became(unit, *reader, *said) []Became
}

// New returns the Resources of the empty catalog. The Config should have passed its Validate;
// with a Config that has not, services become problems.
func New(c Config) Resources {
	c.base = policy.Base(c.Defaults)
	return Resources{rules: c, inputs: inputs{home: c.site()}}
}

// Apply returns the Resources after d, and the problems of the units that were built again (only
// those: see [Resources.Problems]). It costs what these units cost. The receiver is not changed.
//
// Who keeps several views of one catalog applies d to one of them and hands the result to the others
// as their views. They share the inputs with it, and everything equal that they build.
func (r Resources) Apply(d catalog.Delta, views ...Resources) (Resources, []Problem) {
	before := r.inputs
	if len(views) > 0 {
		r.inputs = views[0].inputs
	} else {
		r.inputs = r.inputs.apply(d)
	}
	units := r.touchedBy(d, before)
	if len(d.Entries)+len(d.GoneEntries) > 0 {
		cells := r.cellsSaidBy(d)
		if r.AnyBehind() {
			r.behind, r.survey, cells = lates{}, nil, r.cells.all()
			units = append(units, r.madeBy(r.entries())...) // which the survey may have had to make
		}
		units = r.resaid(r.entryReaders(units, d), cells)
	}
	return r.build(units, d.Since, views)
}

// View returns another view of the same catalog: what it becomes with another Config. Both share the
// inputs and each resource that is equal.
func (r Resources) View(c Config) Resources {
	v := New(c)
	v.inputs = r.inputs
	var units []unit
	for s := range r.inputs.services.all() {
		units = v.rules.units(units, v.inputs, s.Service)
	}
	for e := range r.inputs.entries.all() {
		units = v.rules.unitsOfEntry(units, v.inputs, e.Entry)
	}
	v, _ = v.build(units, time.Time{}, []Resources{r})
	return v
}

// touchedBy are the units that have to be built again for the services of d; some more than once. The inputs are those
// after it.
func (r Resources) touchedBy(d catalog.Delta, before inputs) []unit {
	units := make([]unit, 0, 2*len(d.Set)+len(d.Gone))
	for _, s := range d.Set {
		units = r.dependents(r.rules.units(units, r.inputs, s), s.Key)
		if s.Key.Site() != r.inputs.home && before.services.get(s.Key) == nil {
			units = r.readers.of(units, sites(s.Key.Name))
		}
	}
	for _, k := range d.Gone {
		units = r.dependents(units, k)
		if k.Site() != r.inputs.home {
			units = r.readers.of(units, sites(k.Name))
			continue
		}
		from := len(units)
		for s := range r.inputs.elsewhere(k.Name) {
			units = r.rules.units(units, r.inputs, s)
		}
		units = append(units[:from], slices.DeleteFunc(units[from:], func(u unit) bool { return u.service != k })...)
	}
	return units
}

// entryReaders appends the units that have read a config entry of d for another reason than their policy, and those
// that an entry of d makes.
func (r Resources) entryReaders(units []unit, d catalog.Delta) []unit {
	for _, e := range d.Entries {
		units = r.readers.of(units, dependency{entry: e.Key})
	}
	for _, k := range d.GoneEntries {
		units = r.readers.of(units, dependency{entry: k})
	}
	return append(units, r.madeBy(d.Entries)...)
}

// entries are all config entries.
func (r Resources) entries() (all []catalog.Entry) {
	for e := range r.inputs.entries.all() {
		all = append(all, e.Entry)
	}
	return all
}

// madeBy are the units that entries call for, or services of their names because of them, and that are not there yet.
func (r Resources) madeBy(entries []catalog.Entry) (units []unit) {
	names := map[string]bool{}
	for _, e := range entries {
		if e.Key.Kind == catalog.ServiceResolver {
			names[e.Key.Name] = true
			units = r.rules.unitsOfEntry(units, r.inputs, e)
		}
	}
	if len(names) == 0 {
		return nil
	}
	for c := range r.cells.all() {
		if u := c.unit; u == u.itself() && !u.remote && names[strings.ToLower(u.service.Name)] {
			units = subsetsOf(units, u.service, r.inputs)
		}
	}
	return slices.DeleteFunc(units, func(u unit) bool { return r.cells.get(u) != nil })
}

// dependents appends the units that were built from a service: its own and those that have read it.
func (r Resources) dependents(units []unit, k catalog.ServiceKey) []unit {
	for c := range r.cells.from(unit{service: k}) {
		if c.unit.service != k {
			break
		}
		units = append(units, c.unit)
	}
	return r.readers.ofService(units, k)
}

// rebuilding is what one unit was and became; nil: nothing. They differ.
type rebuilding struct {
	unit     unit
	from, to *cell
}

// build builds units again. It shares what is equal with what they were, and with other views.
func (r Resources) build(units []unit, since time.Time, views []Resources) (Resources, []Problem) {
	slices.SortFunc(units, unit.Compare)
	units = slices.Compact(units)
	rebuilt := make([]rebuilding, 0, len(units))
	var problems []Problem
	read := reader{inputs: r.inputs}
	fresh := map[string]Resource{} // shared resources that no unit had
	for _, u := range units {
		b := rebuilding{unit: u, from: r.cells.get(u)}
		read.inputs.sources, read.newest = r.sourcesOf(u), r.newestFor(u, &r.inputs)
		resources, found := r.rules.build(u, read.begin(u, b.from))
		if len(resources)+len(found) == 0 && read.policy == nil && r.behind.get(u) != nil { // nothing of it is left that could be behind
			read.inputs.sources = r.inputs.sources
			resources, found = r.rules.build(u, read.begin(u, b.from))
		}
		if len(resources)+len(found) > 0 || read.policy != nil {
			for _, view := range views {
				share(resources, view.cells.get(u))
			}
			r.holders.share(resources, fresh)
			b.to = cell{u, resources, found, read.policy, read.reads(), since}.over(b.from)
			problems = append(problems, found...)
		}
		r.behind = r.stillBehind(u, b.to, &read)
		if b.from != b.to {
			rebuilt = append(rebuilt, b)
		}
	}
	return r.after(rebuilt, since), problems
}

// after puts what was built again in its place.
func (r Resources) after(rebuilt []rebuilding, since time.Time) Resources {
	set, reread := make([]*cell, 0, len(rebuilt)), make([]rereading, 0, len(rebuilt))
	var flawed []*cell
	for _, b := range rebuilt {
		reread = append(reread, rereading{b.unit, b.from.allReads(), b.to.allReads()})
		if b.to != nil {
			set = append(set, b.to)
		} else {
			r.cells, r.removed = r.cells.without(b.unit), since
		}
		if b.to.flawed() {
			flawed = append(flawed, b.to)
		} else if b.from.flawed() {
			r.flawed = r.flawed.without(b.unit)
		}
	}
	r.cells, r.flawed = r.cells.with(set), r.flawed.with(flawed)
	r.readers, r.holders = r.readers.after(reread), r.holders.after(rebuilt)
	return r
}

// Problems are all that stand, sorted by service and then in the order of the instances. They
// cost what they are, whatever else was translated.
func (r Resources) Problems() []Problem {
	var problems []Problem
	for c := range r.flawed.all() {
		problems = append(problems, c.problems...)
	}
	return problems
}

// All yields every resource once, sorted by type and name: the clusters first.
func (r Resources) All() iter.Seq[Resource] {
	return func(yield func(Resource) bool) {
		var all []Resource
		for c := range r.cells.all() {
			all = append(all, c.resources...)
		}
		slices.SortFunc(all, byName)
		for _, one := range slices.CompactFunc(all, same) {
			if !yield(one) {
				return
			}
		}
	}
}
