package watch

import (
	"context"
	"sync"
	"time"
)

// With signals the sweep is for what they cannot show. It takes quietPeriod, unless that is
// faster than SweepRate allows or slower than quietRate.
const (
	quietPeriod = 27 * time.Second
	quietRate   = 20 // a second
)

// sweep polls the services of the ring in turn, a few at once, no faster than configured.
func (q *Queries) sweep(ctx context.Context) {
	due := make(chan *Service)
	var group sync.WaitGroup
	defer group.Wait()
	defer close(due)
	for range pollers {
		group.Go(func() {
			pause := q.backoff()
			for s := range due {
				q.poll(ctx, s, &pause)
			}
		})
	}
	last := time.Now()
	for ctx.Err() == nil {
		next := last.Add(q.sweepInterval())
		if !q.ring.awaitTurn(ctx, time.Until(next)) {
			continue // the ring has grown, and polls are due sooner
		}
		s := q.ring.take()
		if s == nil {
			last = time.Now()
			continue
		}
		select {
		case due <- s:
		case <-ctx.Done():
			return
		}
		// A small delay is caught up with, a long one is not: Consul would get it all at once.
		last = later(next, time.Now().Add(-5*q.sweepInterval()))
	}
}

// readUrgent polls what signals name.
func (q *Queries) readUrgent(ctx context.Context) {
	pause := q.backoff()
	for s := q.ring.takeUrgent(ctx); s != nil; s = q.ring.takeUrgent(ctx) {
		q.poll(ctx, s, &pause)
	}
}

// sweepInterval is the time between two polls of the sweep.
func (q *Queries) sweepInterval() time.Duration {
	n, signalled, boosted := q.ring.sweeping(time.Now())
	fastest := time.Second / time.Duration(q.cfg.SweepRate)
	if !signalled {
		return max(q.cfg.SweepPeriod/time.Duration(max(n, 1)), fastest)
	}
	if boosted {
		return fastest
	}
	return max(min(quietPeriod/time.Duration(max(n, 1)), time.Second/quietRate), fastest, q.cfg.SweepPeriod/time.Duration(max(n, 1)))
}

// fastestRound is how long one round takes as fast as it may be.
func (q *Queries) fastestRound(n int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(q.cfg.SweepRate)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// poll reads a service that has no blocking query.
func (q *Queries) poll(ctx context.Context, s *Service, pause *backoff) {
	got, again, err := q.read(s, false)
	failed := err != nil && s.ctx.Err() == nil && !again
	switch {
	case failed:
		q.failed(s.loop(), s, err)
	case err == nil:
		q.report(s, got)
		pause.reset()
	}
	if q.ring.release(s) {
		q.loops.Go(func() { q.watch(s) })
	}
	if failed {
		q.backOff(ctx, pause)
	}
}
