package xdsserver

import (
	"math/rand/v2"
	"sync"
	"time"

	"legate/xdsserver/admission"
)

// Drain is how the server ends streams when it is told to stop. With no stream open it stops at once.
type Drain struct {
	// Delay is how long everything goes on as before, except that the health service says
	// NOT_SERVING: load balancers and probes learn that new clients should go elsewhere.
	Delay time.Duration
	// Spread is over how long the streams are closed after that, each at a random moment, so
	// that the clients do not all turn to another replica at once. It is what many streams
	// take: a few are closed at the pace of ten a second.
	Spread time.Duration
}

// closingPace is how much of the spread one stream is good for.
const closingPace = 100 * time.Millisecond

func (d Drain) spread(streams int) time.Duration {
	return min(d.Spread, time.Duration(streams)*closingPace)
}

// linger waits for the delay while a stream is open. If a listener fails meanwhile, it returns early, with
// the error.
func (s *Server) linger(ended <-chan error) (err error, failed bool) {
	over := time.NewTimer(s.config.Drain.Delay)
	defer over.Stop()
	look := time.NewTicker(closingPace)
	defer look.Stop()
	for s.sessions.count() > 0 {
		select {
		case <-over.C:
			return nil, false
		case err := <-ended:
			return err, true
		case <-look.C:
		}
	}
	return nil, false
}

// endStreams has the streams end, and returns how long the last one may take.
func (s *Server) endStreams() time.Duration {
	close(s.stopping)
	return s.sessions.endAll(s.config.Drain)
}

// sessions are the streams that are open, each with the timer that ends it when the server does.
type sessions struct {
	mu       sync.Mutex
	open     map[*session]*time.Timer
	ending   bool
	lastCall time.Time // when the last one is to end
}

func (s *sessions) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *sessions) add(ss *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[ss] = nil
	if s.ending {
		s.endSoon(ss)
	}
}

func (s *sessions) remove(ss *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if timer := s.open[ss]; timer != nil {
		timer.Stop()
	}
	delete(s.open, ss)
}

// endAll ends all sessions, and those that are still to come. It returns over how long.
func (s *sessions) endAll(d Drain) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	spread := d.spread(len(s.open))
	s.ending, s.lastCall = true, time.Now().Add(spread)
	for ss := range s.open {
		s.endSoon(ss)
	}
	return spread
}

// endSoon ends a session at a random moment. The lock is held.
func (s *sessions) endSoon(ss *session) {
	in := rand.Int64N(int64(max(time.Until(s.lastCall), 0)) + 1)
	s.open[ss] = time.AfterFunc(time.Duration(in), func() { ss.end(admission.ErrStopping) })
}
