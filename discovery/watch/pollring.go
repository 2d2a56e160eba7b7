package watch

import (
	"context"
	"slices"
	"sync"
	"time"
)

// pollRing holds the services that have no blocking query of their own. Each is polled in turn, so
// none waits longer than one round, and sooner when a signal names it.
type pollRing struct {
	mu          sync.Mutex
	ring        []*Service
	next        int
	changed     chan struct{} // holds one: the ring has grown, or polls are due sooner
	urgent      []*Service    // named and not read since, oldest first
	urgentAdded chan struct{} // holds one: urgent has something
	grown       chan struct{} // holds one: the ring was empty

	signalled  bool      // signals name what changes
	structural time.Time // when a signal last told of checks that came or went
	boost      time.Time // until then the sweep is as fast as it may be
}

func newPollRing() pollRing {
	return pollRing{changed: make(chan struct{}, 1), urgentAdded: make(chan struct{}, 1), grown: make(chan struct{}, 1)}
}

// notify wakes who waits on a channel that holds one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// addUnlessDirect is called after a service was read: true if it is to have a blocking query, else it
// has joined the ring. One that is no longer watched joins nothing: its loop ends.
func (r *pollRing) addUnlessDirect(s *Service) (direct bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.direct || s.gone {
		return s.direct
	}
	s.inRing = true
	if len(r.ring) == 0 {
		notify(r.grown)
	}
	r.ring = append(r.ring, s)
	notify(r.changed)
	return false
}

// makeDirect gives s a blocking query: true if the caller is to start its loop, false if a loop or
// a poller has it now and will see.
func (r *pollRing) makeDirect(s *Service) (start bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.direct = true
	if !s.inRing || s.busy {
		return false
	}
	r.cut(s)
	return true
}

// makePolled takes the blocking query back: s joins the ring when the query returns. It is false if s has none.
func (r *pollRing) makePolled(s *Service) (had bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	had = s.direct
	s.direct = false
	return had
}

// isDirect reports whether s has, or is to have, a blocking query.
func (r *pollRing) isDirect(s *Service) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return s.direct
}

// remove takes s out for good, also if it is not in the ring yet.
func (r *pollRing) remove(s *Service) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.gone, s.direct = true, false
	r.cut(s)
}

// cut needs the lock.
func (r *pollRing) cut(s *Service) {
	i := slices.Index(r.ring, s)
	if i < 0 {
		return
	}
	r.ring = slices.Delete(r.ring, i, i+1)
	if i < r.next {
		r.next--
	}
	s.inRing = false
}

// take returns the next one in turn; nil if there is none that is not being polled.
func (r *pollRing) take() *Service {
	r.mu.Lock()
	defer r.mu.Unlock()
	for range r.ring {
		s := r.ring[r.next%len(r.ring)]
		r.next = (r.next + 1) % len(r.ring)
		if !s.busy {
			s.busy = true
			return s
		}
	}
	return nil
}

// release ends a poll of s: true if it was made direct meanwhile, and the caller is to start its loop.
func (r *pollRing) release(s *Service) (start bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.busy = false
	if s.urgent {
		notify(r.urgentAdded)
	}
	if !s.direct || !s.inRing {
		return false
	}
	r.cut(s)
	return true
}

func (r *pollRing) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ring)
}

// awaitSome waits until there is somebody in the ring.
func (r *pollRing) awaitSome(ctx context.Context) bool {
	for r.size() == 0 {
		select {
		case <-r.grown:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// awaitTurn waits for the next poll: false if ctx ended or polls are due sooner.
func (r *pollRing) awaitTurn(ctx context.Context, pause time.Duration) bool {
	select {
	case <-time.After(pause):
		return true
	case <-r.changed:
	case <-ctx.Done():
	}
	return false
}
