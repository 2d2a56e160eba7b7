package watch

import (
	"context"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// Past is what its caller was last told of a service.
type Past struct {
	Reading  consul.Reading
	Index    uint64 // of that answer
	Filtered bool   // policies hid a part of it
	Answers  int    // how many answers there were
}

// after is a query about a service that knows what was last told, and starts over.
func (q *Queries) after(s *Service, p Past) *query[consul.Reading] {
	about := q.serviceQuery(s.Key)
	about.was = previous{index: p.Index, weight: about.weigh(p.Reading), filtered: p.Filtered}
	about.last = p.Reading
	return about
}

// checkLoop names a service's checks where failures are counted.
func checkLoop(key catalog.ServiceKey) string { return "look/" + key.Name }

// Check reads a service consistently, beside its own query, and with list the list of services right
// after it. The answer comes as [Checked], also if there is none.
func (q *Queries) Check(ctx context.Context, s *Service, p Past, list bool) {
	about := q.after(s, p)
	q.loops.Go(func() { q.tell(ctx, q.check(s, about, p, list)) })
}

func (q *Queries) check(s *Service, about *query[consul.Reading], p Past, list bool) Checked {
	got, err := q.ask(s.ctx, s.Key, about, false, false)
	c := Checked{Answered: Answered{Service: s, Reading: got.value, Reply: got.reply}, Past: p}
	if err == nil && list {
		c.List, c.ListReply, err = q.askList(s.ctx, consul.Question{Consistent: true})
	}
	c.Err = err
	loop := checkLoop(s.Key)
	switch {
	case s.ctx.Err() != nil:
		q.outages.forget(loop, time.Now())
	case err != nil && !list: // its own query tells of that
	case err != nil:
		q.failed(loop, s, err)
	default:
		q.outages.answered(loop, time.Now())
	}
	return c
}

// EndChecks forgets that checks of a service failed: there is no need for one any more.
func (q *Queries) EndChecks(key catalog.ServiceKey) { q.outages.forget(checkLoop(key), time.Now()) }

// Confirm asks the leader once more whether a service that is no longer listed has instances, until there
// is an answer. It comes as [Confirmed].
func (q *Queries) Confirm(s *Service, p Past) {
	about := q.after(s, p)
	q.loops.Go(func() { q.confirm(s, about, p) })
}

func (q *Queries) confirm(s *Service, about *query[consul.Reading], p Past) {
	loop := "confirm/" + s.Key.Name
	defer func() { q.outages.forget(loop, time.Now()) }()
	for pause := q.backoff(); s.ctx.Err() == nil; {
		got, err := q.ask(s.ctx, s.Key, about, false, false)
		if err == nil {
			q.outages.answered(loop, time.Now())
			q.tell(s.ctx, Confirmed{Answered: Answered{Service: s, Reading: got.value, Reply: got.reply, Doubt: got.doubt != ""}, Past: p})
			return
		}
		if s.ctx.Err() == nil {
			q.failed(loop, s, err)
			q.backOffAfter(s.ctx, err, &pause)
		}
	}
}
