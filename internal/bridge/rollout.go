package bridge

import (
	"slices"
	"time"

	"legate/translate"
	"legate/xdsserver"
)

// A change of policy that touches many clusters goes out spread over time: Envoy rebuilds each cluster, and
// drops its idle connections. Small services come first, so that a mistake shows where it hurts least. If
// more clients reject what was changed than take it, the rest waits, until that is not so any more. A client that
// rejects what others take is told of, and holds up nobody: it keeps what it has.

// manyClusters is how many clusters a change of policy may touch that goes out at once.
const manyClusters = 10

// atOnce is how many clusters are built and published together, in a millisecond. Other changes pass in between.
const atOnce = 20

// How often a rollout goes on, at most; how often it looks what clients say, and over how long it is to take; how
// often while they reject what it changed; and how often it asks more of them.
const (
	rolloutEvery  = 100 * time.Millisecond
	lookEvery     = time.Second
	rejectedEvery = 250 * time.Millisecond
	askEvery      = 10 * time.Second
)

// verdict is what clients say of what was changed.
type verdict int

const (
	taken    verdict = iota // nobody rejects it, or no more than take it
	rejected                // more clients reject it than take it
	doubted                 // one client rejects it, and others are there that have not answered
)

// verdictOf counts the votes.
func verdictOf(v xdsserver.Votes) verdict {
	switch {
	case v.Against <= v.For:
		return taken
	case v.Against == 1 && v.Silent > 0:
		return doubted
	}
	return rejected
}

// rollout is a change of policy on its way: a pure state machine. The zero rollout has ended.
type rollout struct {
	units []translate.Behind // in the order in which they change
	done  int                // how many of them have changed
	spent time.Duration      // how long it went on, without its pauses
	last  time.Time          // when it was last looked at
	asked time.Time          // while it is doubted: when the doubt began, or the last cluster changed
}

// rolloutOf begins a rollout. Services of the same size keep their order.
func rolloutOf(units []translate.Behind, now time.Time) rollout {
	order := make([]int, len(units)) // as numbers, so that ten thousand take no time in which other changes wait
	for i, u := range units {
		order[i] = u.Instances<<32 | i
	}
	slices.Sort(order)
	r := rollout{units: make([]translate.Behind, len(units)), last: now}
	for i, o := range order {
		r.units[i] = units[o&(1<<32-1)]
	}
	return r
}

// step returns the clusters that change now, in a rollout that takes so long in all, and how long it is until
// the next ones do. While they are rejected none do, and the time does not count. While that is in doubt, one more
// does from time to time: so more clients are asked, and the doubt ends. A rollout that takes no time does not look
// at that. The n-th of N clusters changes when n/N of the time have gone, so the first one changes alone.
func (r rollout) step(now time.Time, over time.Duration, is verdict) (next rollout, units []translate.Behind, wait time.Duration) {
	elapsed := now.Sub(r.last)
	r.last = now
	if over == 0 {
		is = taken
	}
	switch {
	case is == taken:
		r.asked = time.Time{}
	case is == rejected, r.asked.IsZero():
		r.asked = now
		return r, nil, rejectedEvery
	case now.Sub(r.asked) < askEvery:
		return r, nil, rejectedEvery
	default:
		r.asked = now
		units = r.units[r.done:min(r.done+1, len(r.units))]
		r.done += len(units)
		return r, units, rejectedEvery
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
	return r, units, min(max(at-r.spent, rolloutEvery), lookEvery)
}

// ended reports whether all have changed.
func (r rollout) ended() bool { return r.done == len(r.units) }
