package translate

import (
	"iter"
	"slices"
	"time"

	"legate/discovery"
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

// Apply returns the Resources after d, and the problems of the services in d (only those: see
// [Resources.Problems]). It costs what the services in d cost. The receiver is not changed.
func (r Resources) Apply(d discovery.Delta) (Resources, []Problem) {
	var problems []Problem
	for _, s := range d.Set {
		e := r.config.entryOf(s, d.Since)
		problems = append(problems, e.problems...)
		if old := r.entries.get(s.Key); old == nil || !old.equal(e) {
			r.entries = r.entries.set(e)
		}
	}
	for _, k := range d.Gone {
		if rest := r.entries.remove(k); rest != r.entries {
			r.entries, r.removed = rest, d.Since
		}
	}
	return r, problems
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
		_ = r.entries.walk(func(e *entry) bool { return !e.served() || yield(e.cluster) }) &&
			r.entries.walk(func(e *entry) bool { return !e.served() || yield(e.assignment) })
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
	var gone []Name
	var since time.Time
	compare(from.entries, r.entries, func(old, now *entry) {
		switch {
		case now.served():
			known := old.served()
			if !known || old.cluster.Version != now.cluster.Version {
				clusters = append(clusters, now.cluster)
			}
			if !known || old.assignment.Version != now.assignment.Version {
				assignments = append(assignments, now.assignment)
				since = older(since, now.since)
			}
		case old.served():
			gone = append(gone, old.cluster.Name)
			if now != nil {
				since = older(since, now.since)
			} else {
				since = older(since, r.removed)
			}
		}
	})
	for _, n := range slices.Clip(gone) {
		gone = append(gone, Name{AssignmentType, n.Name})
	}
	return Batch{Set: append(clusters, assignments...), Gone: gone, Since: since}
}

// older returns the older of two times of which the zero one is unknown.
func older(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
