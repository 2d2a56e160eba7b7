package watch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"legate/discovery/consul"
)

// loopList is the list's name where failures are counted.
const loopList = "catalog"

// watchList follows the names of services. After a rest the first change is seen at once; further
// ones wait for the interval to pass, and are then seen together.
func (q *Queries) watchList(ctx context.Context) {
	list := q.listQuery()
	pause := q.backoff()
	var cost listCost
	var last consul.Listing
	for ctx.Err() == nil {
		asking, over := q.listing.begin(ctx)
		if over {
			list.index = 0
		}
		anew := list.index == 0 // else list counts an index that went back
		got, err := list.next(asking, true)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if !restarted(asking) {
				q.outages.failed(loopList, err, time.Now())
				q.backOffAfter(ctx, err, &pause)
			}
			continue
		}
		if before := q.listIndex.Swap(got.reply.Index); got.reply.Index < before { // the canary has nothing to compare with any more
			if anew {
				q.metrics.IndexReset()
			}
			q.tell(ctx, Restart{Why: wentBack, IndexWentBack: true, At: got.reply.At})
		}
		q.outages.answered(loopList, time.Now())
		q.filtered.note(loopList, got.reply.Filtered, time.Now())
		pause.reset()
		if moved := got.reply.Index != got.reply.Question.Index; moved && !got.changed { // instances came or went, and the names do not say which
			q.ring.unexplained(time.Now(), q.fastestRound)
		}
		if got.changed {
			q.tell(ctx, Listed{Names: got.value, Retagged: retagged(last, got.value), At: got.reply.At, Index: got.reply.Index})
			last = got.value
		}
		cost.learn(got.reply.Took, len(got.value))
		sleep(ctx, cost.pause(len(got.value)))
	}
}

// retagged are the names whose tags differ in two lists.
func retagged(was, now consul.Listing) []string {
	var out []string
	for name, tags := range now {
		if before, known := was[name]; known && !slices.Equal(before, tags) {
			out = append(out, name)
		}
	}
	return out
}

// A service that changes all the time is read at once for the first burstFirst changes, and then
// burstRate times a second: what came between is seen together.
const (
	burstFirst = 4
	burstRate  = 20
)

// watch reads s for the first time, and then for as long as it has a blocking query.
func (q *Queries) watch(s *Service) {
	pause, polling := q.backoff(), q.backoff()
	burst := rate.NewLimiter(burstRate, burstFirst)
	keepBack := sync.OnceFunc(func() { q.firstReads.await(s.ctx) })
	for s.ctx.Err() == nil {
		got, again, err := q.read(s, true)
		if s.ctx.Err() != nil {
			return
		}
		if err != nil {
			if !again {
				q.failed(s.loop(), s, err)
				q.backOffAfter(s.ctx, err, &pause)
			}
			continue
		}
		q.report(s, got)
		if !q.ring.addUnlessDirect(s) {
			return // it is polled from now on
		}
		pause.reset()
		keepBack()
		if !got.idle && s.query.doubts < 2 {
			polling.reset()
			if got.changed {
				_ = burst.Wait(s.ctx) // fails only if s.ctx ends
			}
			continue
		}
		// Consul, or something in front of it, does not wait, or goes back and forth: it is polled.
		polling.max = min(q.cfg.BackoffMax, q.longestPoll())
		q.backOff(s.ctx, &polling)
	}
}

// A Consul that has to be polled is asked for a service every other second; where there are many
// services less often, so that it is not asked more than so many times a second in all.
const (
	pollEvery = 2 * time.Second
	pollRate  = 100
)

// longestPoll is the longest pause between two questions about a service where blocking queries come
// back at once. Its mean is half of it.
func (q *Queries) longestPoll() time.Duration {
	return max(pollEvery, 2*time.Second*time.Duration(q.watched.Load())/pollRate)
}

// read asks s's question once. again is true if the question was interrupted, to be asked from the start.
func (q *Queries) read(s *Service, block bool) (got answer[consul.Reading], again bool, err error) {
	asking, over := s.asks.begin(s.ctx)
	if over {
		s.query.index = 0
	}
	got, err = q.ask(asking, s.Key, s.query, block, s.alone)
	s.alone = s.alone || errors.As(err, &refusedAlone{})
	return got, err != nil && restarted(asking), err
}

// report tells of a believed answer if there is something new in it, or that there is one.
func (q *Queries) report(s *Service, got answer[consul.Reading]) {
	q.outages.answered(s.loop(), time.Now())
	q.filtered.note(s.loop(), got.reply.Filtered, time.Now())
	if got.changed || s.alone {
		s.alone = false
		q.tell(s.ctx, Answered{Service: s, Reading: got.value, Reply: got.reply, Doubt: got.doubt != ""})
	}
}
