package discovery

import (
	"context"
	"slices"
	"sync"
	"time"
)

// rotation is the ring of services that have no blocking query of their own. Each is read in
// its turn, so none waits longer than one round, and sooner when a signal names it.
type rotation struct {
	mu      sync.Mutex
	ring    []*followed
	next    int
	changed chan struct{} // holds one: the ring has grown, or turns are due sooner
	urgent  []*followed   // named by a signal and not read since, oldest first
	hurried chan struct{} // holds one: urgent has something
	grown   chan struct{} // holds one: the ring was empty

	signalling bool      // signals name what changes
	structural time.Time // when a signal last told of checks that came or went
	boost      time.Time // until then the sweep is as fast as it may be
}

func newRotation() rotation {
	return rotation{changed: make(chan struct{}, 1), hurried: make(chan struct{}, 1), grown: make(chan struct{}, 1)}
}

// wake is for channels that hold one.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// settle is asked after a service was read: true if it is to have a blocking query, else it has
// joined the ring. One that was taken out meanwhile joins nothing: its loop ends.
func (r *rotation) settle(f *followed) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.direct || f.gone {
		return f.direct
	}
	f.inRing = true
	if len(r.ring) == 0 {
		wake(r.grown)
	}
	r.ring = append(r.ring, f)
	wake(r.changed)
	return false
}

// promote gives f a blocking query: true if the caller is to start its loop, false if a loop or
// a sweeper has it now and will see.
func (r *rotation) promote(f *followed) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.direct = true
	if !f.inRing || f.busy {
		return false
	}
	r.leave(f)
	return true
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

// remove takes f out for good, also if it is not in the ring yet.
func (r *rotation) remove(f *followed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.gone, f.direct = true, false
	r.leave(f)
}

// leave needs the lock.
func (r *rotation) leave(f *followed) {
	i := slices.Index(r.ring, f)
	if i < 0 {
		return
	}
	r.ring = slices.Delete(r.ring, i, i+1)
	if i < r.next {
		r.next--
	}
	f.inRing = false
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

// hurry has f read as soon as may be. It is false if f is not in the ring: its query tells.
func (r *rotation) hurry(f *followed) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !f.inRing {
		return false
	}
	if !f.urgent {
		f.urgent = true
		r.urgent = append(r.urgent, f)
		wake(r.hurried)
	}
	return true
}

// takeUrgent waits for the next one that is in a hurry; nil if ctx ends first.
func (r *rotation) takeUrgent(ctx context.Context) *followed {
	for {
		if f := r.nextUrgent(); f != nil {
			return f
		}
		select {
		case <-r.hurried:
		case <-ctx.Done():
			return nil
		}
	}
}

// nextUrgent is the oldest that is in a hurry and not being read: those are read again when that
// is done. It is nil if there is none.
func (r *rotation) nextUrgent() *followed {
	r.mu.Lock()
	defer r.mu.Unlock()
	var next *followed
	r.urgent = slices.DeleteFunc(r.urgent, func(f *followed) bool {
		if f.inRing && (f.busy || next != nil) {
			return false
		}
		f.urgent = false
		if f.inRing {
			next, f.busy = f, true
		}
		return true
	})
	if next != nil && len(r.urgent) > 0 {
		wake(r.hurried) // for the others who wait
	}
	return next
}

// done ends f's turn: true if it was promoted meanwhile, and the caller is to start its loop.
func (r *rotation) done(f *followed) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.busy = false
	if f.urgent {
		wake(r.hurried)
	}
	if !f.direct || !f.inRing {
		return false
	}
	r.leave(f)
	return true
}

func (r *rotation) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ring)
}

// needed waits until there is somebody in the ring.
func (r *rotation) needed(ctx context.Context) bool {
	for r.size() == 0 {
		select {
		case <-r.grown:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// await waits for the next turn: false if ctx ended or turns are due sooner.
func (r *rotation) await(ctx context.Context, pause time.Duration) bool {
	select {
	case <-time.After(pause):
		return true
	case <-r.changed:
	case <-ctx.Done():
	}
	return false
}

// signalled says whether signals name what changes.
func (r *rotation) signalled(is bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.signalling && !is {
		wake(r.changed)
	}
	r.signalling = is
}

// explained notes that a signal told of instances that came or went.
func (r *rotation) explained(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.structural = now
}

// unexplained is told that instances came or went: if no signal names them, one round is swept
// as fast as it may be.
func (r *rotation) unexplained(now time.Time, round func(n int) time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ring) == 0 || now.Sub(r.structural) < 3*signalEvery {
		return
	}
	r.boost = now.Add(round(len(r.ring)))
	wake(r.changed)
}

// sweeping says how many are in the ring, whether signals name what changes among them, and
// whether all are to be read soon.
func (r *rotation) sweeping(now time.Time) (n int, signalling, boosted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ring), r.signalling, now.Before(r.boost)
}
