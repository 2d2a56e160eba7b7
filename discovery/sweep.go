package discovery

import (
	"context"
	"sync"
	"time"
)

// sweepers is how many services are read in their turn at once. Together with one confirmation
// they are the reserve of connections that blocking queries never take.
const (
	sweepers = 2
	reserve  = sweepers + 1
)

// rotation is the ring of services that have no blocking query of their own. Each is read in
// its turn, so none waits longer than one round.
type rotation struct {
	mu      sync.Mutex
	ring    []*followed
	next    int
	changed chan struct{} // holds one: the ring has grown
}

// settle is asked after a service was read: true if it is to have a blocking query, else it has
// joined the ring.
func (r *rotation) settle(f *followed) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.direct {
		return true
	}
	f.inRing = true
	r.ring = append(r.ring, f)
	select {
	case r.changed <- struct{}{}:
	default:
	}
	return false
}

// promote gives f a blocking query: true if the caller is to start its loop, false if a loop or
// a sweeper has it now and will see.
func (r *rotation) promote(f *followed) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.direct = true
	return f.inRing && !f.busy && r.leave(f)
}

// demote takes the blocking query back: f joins the ring when the query returns.
func (r *rotation) demote(f *followed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.direct = false
}

// isDirect reports whether f has, or is to have, a blocking query.
func (r *rotation) isDirect(f *followed) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return f.direct
}

// remove takes f out for good.
func (r *rotation) remove(f *followed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leave(f)
}

// leave needs the lock.
func (r *rotation) leave(f *followed) bool {
	for i := range r.ring {
		if r.ring[i] == f {
			r.ring = append(r.ring[:i], r.ring[i+1:]...)
			if i < r.next {
				r.next--
			}
			f.inRing = false
			return true
		}
	}
	return false
}

// take returns the next one whose turn it is; nil if there is none that is not being read.
func (r *rotation) take() *followed {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range r.ring {
		f := r.ring[r.next%len(r.ring)]
		r.next = (r.next + 1) % len(r.ring)
		if !f.busy {
			f.busy = true
			return f
		}
	}
	return nil
}

func (r *rotation) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ring)
}

// await waits for the next turn: false if ctx ended or the ring has grown first.
func (r *rotation) await(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.changed:
	case <-ctx.Done():
	}
	return false
}

// done ends f's turn: true if it was promoted meanwhile, and the caller is to start its loop.
func (r *rotation) done(f *followed) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.busy = false
	return f.direct && f.inRing && r.leave(f)
}

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
		due := last.Add(w.interval(w.rotation.size()))
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
		last = later(due, time.Now().Add(-5*w.interval(w.rotation.size())))
	}
}

// interval is the time between two turns in a ring of n.
func (w *Watcher) interval(n int) time.Duration {
	return max(w.cfg.SweepPeriod/time.Duration(max(n, 1)), time.Second/time.Duration(w.cfg.SweepRate))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (w *Watcher) sweepOne(ctx context.Context, f *followed, pause *backoff) {
	got, err, again := w.nextOf(f, false)
	failed := err != nil && f.ctx.Err() == nil && !again
	switch {
	case failed:
		w.trouble.failed(f.loop(), err, time.Now())
	case err == nil:
		w.report(f, got)
		pause.reset()
	}
	if w.rotation.done(f) {
		w.loops.Go(func() { w.follow(f) })
	}
	if failed {
		w.rest(ctx, pause.next())
	}
}
