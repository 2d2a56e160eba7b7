package translate

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"legate/discovery/catalog"
)

// Resources are what a catalog became: for each service that can be served, a cluster and an
// assignment of the same name. It is a value: nothing that was handed out ever changes, and
// older values stay usable and share what did not change. Methods may be called concurrently.
// The zero Resources is empty and good for [Resources.Diff]; to Apply, begin with [New].
type Resources struct {
	config  Config
	entries *tree
	removed time.Time // Since of the last delta that took a service away
}

// New returns the Resources of the empty catalog. The Config should have passed its Validate;
// with a Config that has not, services become problems.
func New(c Config) Resources { return Resources{config: c} }

// Apply returns the Resources after d, and the problems of the services in d, and of those whose
// further ports (see [PortOwner]) they name (only those: see [Resources.Problems]). It costs what
// these services cost. The receiver is not changed.
func (r Resources) Apply(d catalog.Delta) (Resources, []Problem) {
	var problems []Problem
	built := make(map[catalog.ServiceKey]*entry, len(d.Set))
	for _, s := range d.Set {
		e := r.entryOf(s, d.Since)
		if old := r.entries.get(s.Key); old == nil || !old.equal(e) {
			r.entries = r.entries.set(e)
		}
		built[s.Key] = e
	}
	for _, k := range d.Gone {
		if rest := r.entries.remove(k); rest != r.entries {
			r.entries, r.removed = rest, d.Since
		}
	}
	owners := r.owners(d)
	for _, k := range owners {
		e := r.entries.get(k)
		if e.source != nil { // the names of its ports' clusters may be free now, or taken
			e = r.entryOf(*e.source, d.Since)
			r.entries = r.entries.set(e)
		}
		built[k] = e
	}
	for _, s := range d.Set {
		problems = append(problems, built[s.Key].problems...)
		delete(built, s.Key)
	}
	for _, k := range owners {
		if e := built[k]; e != nil {
			problems = append(problems, e.problems...)
		}
	}
	return r, problems
}

// owners are the services that a service in d is named like a further port of, sorted.
func (r Resources) owners(d catalog.Delta) []catalog.ServiceKey {
	var owners []catalog.ServiceKey
	note := func(k catalog.ServiceKey) {
		if owner, ok := PortOwner(k); ok {
			if r.entries.get(owner) != nil {
				owners = append(owners, owner)
			}
		}
	}
	for _, s := range d.Set {
		note(s.Key)
	}
	for _, k := range d.Gone {
		note(k)
	}
	slices.SortFunc(owners, catalog.ServiceKey.Compare)
	return slices.Compact(owners)
}

func (r Resources) entryOf(s catalog.Service, since time.Time) *entry {
	return r.config.entryOf(s, since, func(k catalog.ServiceKey) bool { return r.entries.get(k) != nil })
}

// Problems are all that stand, sorted by service and then in the order of the instances. They
// cost what they are, whatever else was translated.
func (r Resources) Problems() []Problem {
	problems := make([]Problem, 0, r.entries.count())
	r.entries.walkProblems(func(e *entry) { problems = append(problems, e.problems...) })
	return problems
}

// All yields every resource, the clusters first, each type sorted by name.
func (r Resources) All() iter.Seq[Resource] {
	return func(yield func(Resource) bool) {
		var units []unit
		r.entries.walk(func(e *entry) bool {
			units = append(units, e.units...)
			return true
		})
		slices.SortFunc(units, func(a, b unit) int { return cmp.Compare(a.name(), b.name()) })
		for _, u := range units {
			if !yield(u.cluster) {
				return
			}
		}
		for _, u := range units {
			if !yield(u.assignment) {
				return
			}
		}
	}
}

// Diff returns what turns from into r. It costs what changed, if one came from the other by
// Apply, and what both hold otherwise.
//
// Since is the oldest arrival among the answers that the Batch's content came from: a service
// that changed twice counts with its second answer, and a removal with the last delta that
// removed anything.
func (r Resources) Diff(from Resources) Batch {
	var clusters, assignments []Resource
	var gone []unit
	var since time.Time
	compare(from.entries, r.entries, func(old, now *entry) {
		for _, u := range now.served() {
			was := unitOf(old, u.name())
			if was.cluster.Version != u.cluster.Version {
				clusters = append(clusters, u.cluster)
			}
			if was.assignment.Version != u.assignment.Version {
				assignments = append(assignments, u.assignment)
				since = older(since, now.since)
			}
		}
		for _, u := range old.served() {
			if unitOf(now, u.name()).cluster.Version != "" {
				continue
			}
			gone = append(gone, u)
			if now != nil {
				since = older(since, now.since)
			} else {
				since = older(since, r.removed)
			}
		}
	})
	return batchOf(clusters, assignments, gone, since)
}

// unitOf is the unit of a name in an entry that may be nil; zero if there is none.
func unitOf(e *entry, name string) unit {
	for _, u := range e.served() {
		if u.name() == name {
			return u
		}
	}
	return unit{}
}

// batchOf sorts what changed. A name can be gone with one service and set with another, whose
// further port it is or was: then it is not gone, and not set if it is as it was.
func batchOf(clusters, assignments []Resource, gone []unit, since time.Time) Batch {
	byName := func(a, b Resource) int { return cmp.Compare(a.Name.Name, b.Name.Name) }
	slices.SortFunc(clusters, byName)
	slices.SortFunc(assignments, byName)
	slices.SortFunc(gone, func(a, b unit) int { return byName(a.cluster, b.cluster) })
	b := Batch{Since: since}
	for _, u := range gone {
		if _, set := slices.BinarySearchFunc(assignments, u.assignment, byName); !set {
			b.Gone = append(b.Gone, u.cluster.Name)
		}
	}
	for _, n := range slices.Clip(b.Gone) {
		b.Gone = append(b.Gone, Name{AssignmentType, n.Name})
	}
	asWas := func(r Resource) bool {
		at, moved := slices.BinarySearchFunc(gone, r, func(u unit, r Resource) int { return byName(u.cluster, r) })
		return moved && (gone[at].cluster.Version == r.Version || gone[at].assignment.Version == r.Version)
	}
	b.Set = append(slices.DeleteFunc(clusters, asWas), slices.DeleteFunc(assignments, asWas)...)
	return b
}

// older returns the older of two times of which the zero one is unknown.
func older(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
