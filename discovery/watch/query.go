package watch

import (
	"context"
	"fmt"
	"time"

	"legate/discovery/consul"
	"legate/metrics"
)

// query is one question that is asked again and again. It holds the index and the last believed
// answer, and keeps the rules of blocking queries:
// https://developer.hashicorp.com/consul/api-docs/features/blocking
//
// The first answer, and the first after any failure or doubt, is asked for consistently and with
// index 0; the index starts over at 0 when it goes back, is unusable, or after any error, whose
// X-Consul-Index says nothing. A query is used by one goroutine at a time.
type query[T any] struct {
	name    string // for metrics: catalog, services
	about   string // for people: the list of services, service "web"
	ask     func(ctx context.Context, how consul.Question) (T, consul.Reply, error)
	equal   func(a, b T) bool
	weigh   func(T) int // how many things it holds that can be lost
	judge   func(was previous, r consul.Reply, is content, partial bool) (verdict, doubt)
	partial bool                            // answers from which policies hide a part are expected
	witness func(ctx context.Context) error // nil if judge never asks for one
	apart   time.Duration                   // between two answers that must agree
	metrics *metrics.Consul
	record  *record // for people

	index  uint64 // to ask with; 0: start over
	trial  trial  // of that
	was    previous
	last   T
	doubts int // answers in a row that made the query start over
	odd    candidate[T]
}

// candidate is an odd answer, with nothing before it to compare it with, that must be given twice.
type candidate[T any] struct {
	value T
	at    time.Time // zero: there is none
}

// answer is a believed answer.
type answer[T any] struct {
	value   T
	changed bool  // first of its kind, or differs from the last
	idle    bool  // came back early, with nothing new: Consul did not wait
	doubt   doubt // what it takes away must be said twice; empty: no doubt
	reply   consul.Reply
}

// next asks once; an answer in doubt, and one that takes something away, is checked at once by a
// second, consistent one. With block it waits for a change if the last answer leaves an index to
// wait for.
func (q *query[T]) next(ctx context.Context, block bool) (answer[T], error) {
	how := consul.Question{Consistent: q.index == 0}
	if block && q.index > 0 {
		how.Index, how.Wait = q.index, q.trial.wait()
	}
	verifying := false
	for {
		value, r, err := q.ask(ctx, how)
		if err != nil {
			if ctx.Err() == nil {
				q.count(string(consul.FailureOf(err)), r)
				q.rejects(doubtOf(err), err, r.At)
			}
			q.index = 0
			return answer[T]{}, err
		}
		is := content{weight: q.weigh(value), changed: q.was.index == 0 || !q.equal(q.last, value)}
		q.was.weight = q.weigh(q.last) // what counts in it can have changed with the selection
		v, why := q.judge(q.was, r, is, q.partial)
		var until time.Time
		switch {
		case v == needsWitness:
			if err := q.witness(ctx); err != nil {
				q.index = 0
				return answer[T]{}, fmt.Errorf("confirm an answer about %s, because %s: %w", q.about, why, err)
			}
			v, why = believe, ""
		case v == believeTwice && q.was.index > 0:
			v = believe // the guard holds what it takes away
		case v == believeTwice:
			if until = q.remember(value, r.At); !r.At.Before(until) {
				v, why = believe, ""
			}
		}
		switch v {
		case believe:
			if verifying && is.weight >= q.was.weight {
				q.rejects(contradicted, nil, r.At)
				q.doubts++
			} else if verifying {
				q.doubts = 0
			}
			got := q.accept(how, value, r, is)
			got.doubt = why
			return got, nil
		case verify:
			q.count("changed", r)
			verifying, how = true, consul.Question{Consistent: true}
		case askLeader:
			q.count(string(consul.Doubtful), r)
			q.rejects(why, nil, r.At)
			q.metrics.IndexReset()
			q.index, q.doubts = 0, q.doubts+1
			how = consul.Question{Consistent: true}
		default: // rejected, or not said twice yet
			err := notBelieved{why, until}
			q.count(string(consul.FailureOf(err)), r)
			q.rejects(why, err, r.At)
			q.index = 0
			return answer[T]{}, fmt.Errorf("query consul for %s: %w", q.about, err)
		}
	}
}

// count counts a finished question.
func (q *query[T]) count(outcome string, r consul.Reply) {
	q.metrics.Query(outcome, r.Took)
	q.record.took(q.about, outcome, r)
}

// rejects counts an answer that is not believed; the error may be nil.
func (q *query[T]) rejects(why doubt, err error, at time.Time) {
	q.metrics.Rejected(string(why))
	q.record.rejects(why, q.about, err, at)
}

// remember notes an odd answer, and says from when on it is believed: that is when it was given before,
// long enough ago.
func (q *query[T]) remember(value T, at time.Time) time.Time {
	if q.odd.at.IsZero() || !q.equal(q.odd.value, value) {
		q.odd = candidate[T]{value, at}
	}
	return q.odd.at.Add(q.apart)
}

// accept makes an answer the last believed one.
func (q *query[T]) accept(how consul.Question, value T, r consul.Reply, is content) answer[T] {
	outcome := "unchanged"
	if is.changed {
		outcome = "changed"
		q.last = value
	}
	q.count(outcome, r)
	q.metrics.Fresh(r.At)
	q.metrics.Index(q.name, r.Index)
	if how.Index > 0 {
		q.doubts = 0
	}
	idle := how.Index > 0 && r.Index == how.Index && r.Took < time.Second
	q.trial.believed(how, r)
	q.index, q.odd = r.Index, candidate[T]{}
	q.was = previous{index: r.Index, weight: is.weight, filtered: r.Filtered}
	return answer[T]{value: q.last, changed: is.changed, idle: idle, reply: r}
}
