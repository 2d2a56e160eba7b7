package xdsserver

import (
	"math/rand/v2"
	"time"
)

// Drain is how the server parts from its clients when it is told to end. With no stream open it
// ends at once.
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

// linger lets the delay pass, for as long as somebody is connected. It ends early, and returns
// what ended, when a listener fails.
func (s *Server) linger(ended <-chan error) (err error, failed bool) {
	over := time.NewTimer(s.config.Drain.Delay)
	defer over.Stop()
	look := time.NewTicker(closingPace)
	defer look.Stop()
	for s.callbacks.open() > 0 {
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

// part tells the streams that it is time, and returns how long the last one may take.
func (s *Server) part() time.Duration {
	spread := s.config.Drain.spread(s.callbacks.open())
	s.lastCall = time.Now().Add(spread)
	close(s.stopping)
	return spread
}

// leave is when a stream is to be closed. It is asked for after stopping was closed.
func (s *Server) leave() <-chan time.Time {
	return time.After(time.Duration(rand.Int64N(int64(max(time.Until(s.lastCall), 0)) + 1)))
}

// open is how many streams there are.
func (c *callbacks) open() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.streams)
}
