package bridge

import (
	"cmp"
	"slices"
	"time"

	"legate/translate"
)

// A change of policy that touches many clusters goes out spread over time: Envoy rebuilds each cluster, and
// drops its idle connections. Small services come first, so that a mistake shows where it hurts least. If
// clients reject what was changed, the rest waits, until they do not any more.

// manyClusters is how many clusters a change of policy may touch that goes out at once.
const manyClusters = 10

// atOnce is how many clusters are built and published together, in some milliseconds. Other changes pass in between.
const atOnce = 50

// How often a rollout goes on, at most, and how often it looks whether clients still reject what it changed.
const (
	rolloutEvery  = 100 * time.Millisecond
	rejectedEvery = 250 * time.Millisecond
)

// rollout is a change of policy on its way: a pure state machine. The zero rollout has ended.
type rollout struct {
	units []translate.Behind // in the order in which they change
	done  int                // how many of them have changed
	spent time.Duration      // how long it went on, without its pauses
	last  time.Time          // when it was last looked at
}

// rolloutOf begins a rollout. Services of the same size keep their order.
func rolloutOf(units []translate.Behind, now time.Time) rollout {
	slices.SortStableFunc(units, func(a, b translate.Behind) int { return cmp.Compare(a.Instances, b.Instances) })
	return rollout{units: units, last: now}
}

// step returns the clusters that change now, in a rollout that takes so long in all, and how long it is until
// the next ones do. While something is rejected none do, and the time does not count; a rollout that takes no
// time does not look at that. The n-th of N clusters changes when n/N of the time have gone, so the first one
// changes alone.
func (r rollout) step(now time.Time, over time.Duration, rejected bool) (next rollout, units []translate.Behind, wait time.Duration) {
	elapsed := now.Sub(r.last)
	r.last = now
	if rejected && over > 0 {
		return r, nil, rejectedEvery
	}
	r.spent += elapsed
	due := len(r.units)
	if r.spent < over {
		due = min(due, 1+int(float64(due)*(float64(r.spent)/float64(over))))
	}
	until := min(due, r.done+atOnce)
	units = r.units[min(r.done, until):until]
	r.done = max(r.done, until)
	switch {
	case r.done == len(r.units):
		return r, units, 0
	case r.done < due:
		return r, units, 0 // at once
	}
	at := time.Duration(float64(over) * (float64(r.done) / float64(len(r.units))))
	return r, units, max(at-r.spent, rolloutEvery)
}

// ended reports whether all have changed.
func (r rollout) ended() bool { return r.done == len(r.units) }
