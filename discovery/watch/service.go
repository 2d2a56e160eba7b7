package watch

import (
	"container/list"
	"context"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// Service is one service that is watched.
type Service struct {
	Key   catalog.ServiceKey
	ctx   context.Context // ends when it is no longer watched
	stop  context.CancelFunc
	query *query[consul.Reading] // used by the loop that reads it now
	alone bool                   // and so is this: its name was refused last
	asks  restarter              // its question

	// The caller's goroutine's.
	started bool          // a loop reads it, or it is in the poll ring
	changed time.Time     // when it last changed
	place   *list.Element // in the LRU of those with a blocking query; nil: it has none

	// The poll ring's, under its lock.
	direct bool // has, or is to have, a blocking query of its own
	inRing bool
	busy   bool // is being polled
	urgent bool // is to be polled at once
	gone   bool // is no longer watched
}

// loop names its question where failures are counted.
func (s *Service) loop() string { return "service/" + s.Key.Name }

// Watch begins to watch a service. It is asked about from the next call of Schedule on.
func (q *Queries) Watch(ctx context.Context, key catalog.ServiceKey) *Service {
	s := &Service{Key: key, query: q.serviceQuery(key)}
	s.ctx, s.stop = context.WithCancel(ctx)
	q.services[key.Name] = s
	q.dirty = true
	return s
}

// Unwatch ends that.
func (q *Queries) Unwatch(s *Service, at time.Time) {
	s.stop()
	q.lru.remove(s)
	q.ring.remove(s)
	q.outages.forget(s.loop(), at)
	q.filtered.note(s.loop(), false, at)
	delete(q.services, s.Key.Name)
	q.dirty = true
}

// ReadAgain has a service read from the start: its blocking query is interrupted, or it is polled at once.
func (q *Queries) ReadAgain(s *Service) {
	s.asks.restart()
	q.ring.makeUrgent(s)
}

// ReadSoon has a service polled at once. It is false if the service has a blocking query of its own, which
// tells.
func (q *Queries) ReadSoon(s *Service) bool { return q.ring.makeUrgent(s) }

// RestartQuery has a service's blocking query start over, if it has one.
func (q *Queries) RestartQuery(s *Service) { s.asks.restart() }

// RestartAll has everything read from the start.
func (q *Queries) RestartAll(why string) {
	q.log.Warn("all of consul is read again", "cause", why, "services", len(q.services))
	q.listing.restart()
	for _, question := range q.entries {
		question.restart()
	}
	for _, s := range q.services {
		q.ReadAgain(s)
	}
}
