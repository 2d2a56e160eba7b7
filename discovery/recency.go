package discovery

import (
	"container/list"
	"time"

	"golang.org/x/time/rate"
)

// Prefer tells which services somebody asks for, so that blocking queries, where they are
// short, go to these. It is called before Run; wanted must not block.
func (w *Watcher) Prefer(wanted func(service string) bool) { w.wanted = wanted }

// A blocking query is given to a service that somebody wants and that changes for the second time
// within hotFor, and taken from one that nobody wants, or that has not changed for longest. It
// costs a new connection, so not more often than promoteEvery after promoteFirst at once (one
// signal names all that changed since the last), not from one that changed within keepHot, and
// not for a single change.
const (
	promoteEvery = 100 * time.Millisecond
	promoteFirst = 10
	keepHot      = 30 * time.Second
	hotFor       = 5 * time.Minute
)

// recency are the services with a blocking query, the one that changed last in front.
type recency struct {
	order list.List // of *followed
	pace  *rate.Limiter
}

func newRecency() recency {
	return recency{pace: rate.NewLimiter(rate.Every(promoteEvery), promoteFirst)}
}

// enter puts f in front; it has a blocking query now.
func (r *recency) enter(f *followed) {
	if f.place == nil {
		f.place = r.order.PushFront(f)
	} else {
		r.order.MoveToFront(f.place)
	}
}

// leave takes f out.
func (r *recency) leave(f *followed) {
	if f.place != nil {
		r.order.Remove(f.place)
		f.place = nil
	}
}

// victim is who could do without: one that nobody wants, else the one that has not changed for
// longest. It is nil if nobody can now.
func (r *recency) victim(now time.Time, wanted func(service string) bool) *followed {
	last := r.order.Back()
	if last == nil || r.pace.TokensAt(now) < 1 {
		return nil
	}
	for e := last; e != nil; e = e.Prev() {
		if f := e.Value.(*followed); !wanted(f.key.Name) {
			return f
		}
	}
	f := last.Value.(*followed)
	if now.Sub(f.changed) < keepHot {
		return nil
	}
	return f
}

// touch notes that f changed, and gives it a blocking query if it has none and another can do
// without.
func (o *owner) touch(f *followed, now time.Time) {
	if f.readings <= 1 { // it was read for the first time
		return
	}
	before := f.changed
	f.changed = now
	if f.place != nil {
		o.recency.enter(f)
		return
	}
	if now.Sub(before) > hotFor || !o.w.wanted(f.key.Name) {
		return
	}
	victim := o.recency.victim(now, o.w.wanted)
	if victim == nil {
		return
	}
	o.recency.pace.AllowN(now, 1)
	o.recency.leave(victim)
	o.w.rotation.demote(victim)
	victim.afresh.interrupt() // it frees its connection now, not when its wait is over
	o.recency.enter(f)
	if o.w.rotation.promote(f) {
		o.w.loops.Go(func() { o.w.follow(f) })
	}
}
