package guard

import (
	"time"

	"legate/discovery/catalog"
)

// Losses are counted in instances that take traffic. One that is served as critical or in maintenance
// takes none, so its removal is no loss, and neither is that it turned critical: that is health.

// taking counts the instances that take traffic.
func taking(all []catalog.Instance) (n int) {
	for i := range all {
		if all[i].TakesTraffic() {
			n++
		}
	}
	return n
}

// idled counts the instances of now that take no traffic and did in was. Both are sorted.
func idled(was, now []catalog.Instance) (n int) {
	for i := range now {
		at, there := catalog.Find(was, now[i].Key())
		if there && was[at].TakesTraffic() && !now[i].TakesTraffic() {
			n++
		}
	}
	return n
}

// highWater is a number that changes, with the most it was within a span of time. At first it is 0.
type highWater struct {
	now  int
	past []mark // falling values above now, oldest first: each was the most until it ended
}

type mark struct {
	value int
	until time.Time
}

// set says that the number is v from at on.
func (h *highWater) set(v int, at time.Time) {
	h.past = append(h.past, mark{h.now, at})
	for n := len(h.past); n > 0 && h.past[n-1].value <= v; n-- {
		h.past = h.past[:n-1]
	}
	h.now = v
}

// most is the highest that the number was since then.
func (h *highWater) most(since time.Time) int {
	for len(h.past) > 0 && h.past[0].until.Before(since) {
		h.past = h.past[1:]
	}
	if len(h.past) > 0 {
		return h.past[0].value
	}
	return h.now
}

// discount takes n off the present and the past, as if it had never been there.
func (h *highWater) discount(n int) {
	h.now -= n
	for i := range h.past {
		h.past[i].value -= n
	}
}
