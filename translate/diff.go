package translate

import (
	"slices"
	"time"
)

// Diff returns what turns from into r. It costs what changed, if one came from the other by
// Apply, and what both hold otherwise.
//
// Since is the oldest arrival among the answers that the Batch's content came from: a service
// that changed twice counts with its second answer, and a removal with the last delta that
// removed anything.
func (r Resources) Diff(from Resources) Batch {
	var set, gone []Resource
	var since time.Time
	compare(from.cells, r.cells, func(old, now *cell) {
		changed := r.removed
		if now != nil {
			changed = now.since
		}
		for _, one := range now.all() {
			if was, had := old.find(one.Name); (!had || !same(was, one)) && !from.holders.has(one) {
				set = append(set, one)
				since = older(since, changed)
			}
		}
		for _, one := range old.all() {
			if _, has := now.find(one.Name); !has && !r.holders.has(one) {
				gone = append(gone, one)
				since = older(since, changed)
			}
		}
	})
	return batchOf(set, gone, since)
}

// batchOf sorts what changed. A name can be gone with one unit and set with another, such as a port
// whose name a new service takes: then it is not gone, and not set either if it is as it was. What several units
// share is in it once.
func batchOf(set, gone []Resource, since time.Time) Batch {
	slices.SortFunc(set, byName)
	slices.SortFunc(gone, byName)
	set, gone = slices.CompactFunc(set, same), slices.CompactFunc(gone, same)
	b := Batch{Since: since}
	for _, one := range gone {
		if at, moved := slices.BinarySearchFunc(set, one, byName); !moved {
			b.Gone = append(b.Gone, one.Name)
		} else if same(set[at], one) {
			set = slices.Delete(set, at, at+1)
		}
	}
	b.Set = set
	return b
}

// older returns the older of two times of which the zero one is unknown.
func older(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// DiffProblems returns the problems that are in r and not in from, and those that are over. It costs
// what differs, as [Resources.Diff] does.
func (r Resources) DiffProblems(from Resources) (appeared, over []Problem) {
	compare(from.flawed, r.flawed, func(old, now *cell) {
		appeared = append(appeared, now.problemsBeyond(old)...)
		over = append(over, old.problemsBeyond(now)...)
	})
	if len(appeared) == 0 || len(over) == 0 {
		return appeared, over
	}
	// Two units can have the same problem, in the same words: when it goes from one to the other, it stays.
	return beyond(appeared, over), beyond(over, appeared)
}
