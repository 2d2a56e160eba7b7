package watch

import (
	"context"
	"slices"
	"time"
)

// makeUrgent has s polled as soon as may be. It is false if s is not in the ring: its query tells.
func (r *pollRing) makeUrgent(s *Service) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !s.inRing {
		return false
	}
	if !s.urgent {
		s.urgent = true
		r.urgent = append(r.urgent, s)
		notify(r.urgentAdded)
	}
	return true
}

// takeUrgent waits for the next one that is to be polled at once; nil if ctx ends first.
func (r *pollRing) takeUrgent(ctx context.Context) *Service {
	for {
		if s := r.nextUrgent(); s != nil {
			return s
		}
		select {
		case <-r.urgentAdded:
		case <-ctx.Done():
			return nil
		}
	}
}

// nextUrgent is the oldest that is urgent and not being polled: those are polled again when that
// is done. It is nil if there is none.
func (r *pollRing) nextUrgent() *Service {
	r.mu.Lock()
	defer r.mu.Unlock()
	var next *Service
	r.urgent = slices.DeleteFunc(r.urgent, func(s *Service) bool {
		if s.inRing && (s.busy || next != nil) {
			return false
		}
		s.urgent = false
		if s.inRing {
			next, s.busy = s, true
		}
		return true
	})
	if next != nil && len(r.urgent) > 0 {
		notify(r.urgentAdded) // for the others who wait
	}
	return next
}

// setSignalled says whether signals name what changes.
func (r *pollRing) setSignalled(is bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.signalled = is
}

// explained notes that a signal told of instances that came or went.
func (r *pollRing) explained(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.structural = now
}

// unexplained is told that instances came or went: if no signal names them, one round is swept
// as fast as it may be.
func (r *pollRing) unexplained(now time.Time, round func(n int) time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.structural) < 3*signalEvery {
		return
	}
	r.boost = now.Add(round(len(r.ring)))
	notify(r.changed)
}

// sweeping says how many are in the ring, whether signals name what changes among them, and
// whether all are to be polled soon.
func (r *pollRing) sweeping(now time.Time) (n int, signalled, boosted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ring), r.signalled, now.Before(r.boost)
}
