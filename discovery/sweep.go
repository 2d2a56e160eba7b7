package discovery

import (
	"context"
	"sync"
	"time"
)

// What blocking queries of services never take: connections for the readers in turn and in a
// hurry, for the signals, the canary, second looks and confirmations. The signals and the canary
// have one each; all others ask short questions and can wait for each other.
const (
	sweepers = 2
	hurriers = 3
	reserve  = sweepers + hurriers + 2
)

// With signals the sweep is for what they cannot show. It takes quietPeriod, unless that is
// faster than SweepRate allows or slower than quietRate.
const (
	quietPeriod = 27 * time.Second
	quietRate   = 20 // a second
)

// sweep reads the services of the ring in turn, a few at once, no faster than configured.
func (w *Watcher) sweep(ctx context.Context) {
	turns := make(chan *followed)
	var group sync.WaitGroup
	defer group.Wait()
	defer close(turns)
	for range sweepers {
		group.Go(func() {
			pause := w.backoff()
			for f := range turns {
				w.sweepOne(ctx, f, &pause)
			}
		})
	}
	last := time.Now()
	for ctx.Err() == nil {
		due := last.Add(w.interval())
		if !w.rotation.await(ctx, time.Until(due)) {
			continue // the ring has grown, and turns are due sooner
		}
		f := w.rotation.take()
		if f == nil {
			last = time.Now()
			continue
		}
		select {
		case turns <- f:
		case <-ctx.Done():
			return
		}
		// A small delay is caught up with, a long one is not: Consul would get it all at once.
		last = later(due, time.Now().Add(-5*w.interval()))
	}
}

// hurry reads what signals name.
func (w *Watcher) hurry(ctx context.Context) {
	pause := w.backoff()
	for f := w.rotation.takeUrgent(ctx); f != nil; f = w.rotation.takeUrgent(ctx) {
		w.sweepOne(ctx, f, &pause)
	}
}

// interval is the time between two turns.
func (w *Watcher) interval() time.Duration {
	n, signalling, boosted := w.rotation.sweeping(time.Now())
	fastest := time.Second / time.Duration(w.cfg.SweepRate)
	if !signalling {
		return max(w.cfg.SweepPeriod/time.Duration(max(n, 1)), fastest)
	}
	if boosted {
		return fastest
	}
	return max(min(quietPeriod/time.Duration(max(n, 1)), time.Second/quietRate), fastest, w.cfg.SweepPeriod/time.Duration(max(n, 1)))
}

// round is how long one round takes as fast as it may be.
func (w *Watcher) round(n int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(w.cfg.SweepRate)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (w *Watcher) sweepOne(ctx context.Context, f *followed, pause *backoff) {
	got, again, err := w.nextOf(f, false)
	failed := err != nil && f.ctx.Err() == nil && !again
	switch {
	case failed:
		w.failed(f.loop(), f, err)
	case err == nil:
		w.report(f, got)
		pause.reset()
	}
	if w.rotation.done(f) {
		w.loops.Go(func() { w.follow(f) })
	}
	if failed {
		w.rest(ctx, pause)
	}
}
