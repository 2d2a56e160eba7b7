package watch

import (
	"container/list"
	"time"

	"golang.org/x/time/rate"
)

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

// lru holds the services with a blocking query, the one that changed last in front.
type lru struct {
	order list.List // of *Service
	pace  *rate.Limiter
}

func newLRU() lru {
	return lru{pace: rate.NewLimiter(rate.Every(promoteEvery), promoteFirst)}
}

// touch puts s in front; it has a blocking query now.
func (l *lru) touch(s *Service) {
	if s.place == nil {
		s.place = l.order.PushFront(s)
	} else {
		l.order.MoveToFront(s.place)
	}
}

// append puts s last, if it is not there yet.
func (l *lru) append(s *Service) {
	if s.place == nil {
		s.place = l.order.PushBack(s)
	}
}

// remove takes s out.
func (l *lru) remove(s *Service) {
	if s.place != nil {
		l.order.Remove(s.place)
		s.place = nil
	}
}

// victim is who could do without: one that nobody wants, else the one that has not changed for
// longest. It is nil if nobody can now.
func (l *lru) victim(now time.Time, wanted func(service string) bool) *Service {
	last := l.order.Back()
	if last == nil || l.pace.TokensAt(now) < 1 {
		return nil
	}
	for e := last; e != nil; e = e.Prev() {
		if s := e.Value.(*Service); !wanted(s.Key.Name) {
			return s
		}
	}
	s := last.Value.(*Service)
	if now.Sub(s.changed) < keepHot {
		return nil
	}
	return s
}

// Changed notes that s changed, and gives it a blocking query if it has none and another can do
// without.
func (q *Queries) Changed(s *Service, now time.Time) {
	before := s.changed
	s.changed = now
	if s.place != nil {
		q.lru.touch(s)
		return
	}
	if now.Sub(before) > hotFor || !q.wanted(s.Key.Name) {
		return
	}
	victim := q.lru.victim(now, q.wanted)
	if victim == nil {
		return
	}
	q.lru.pace.AllowN(now, 1)
	q.lru.remove(victim)
	q.ring.makePolled(victim)
	victim.asks.restart() // it frees its connection now, not when its wait is over
	q.lru.touch(s)
	if q.ring.makeDirect(s) {
		q.loops.Go(func() { q.watch(s) })
	}
}
