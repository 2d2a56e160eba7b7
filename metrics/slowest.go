package metrics

import (
	"sync"
	"time"
)

// slow is how long a change may take from Consul's answer until it is sent. The alert for slow
// changes has the same bound.
const slow = time.Second

// slowSpan is how long a slow change is spoken of.
const slowSpan = 10 * time.Minute

// slowest is the slowest of the slow changes of late.
type slowest struct {
	mu   sync.Mutex
	took time.Duration
	at   time.Time
}

func (s *slowest) note(took time.Duration, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if took > s.took || at.Sub(s.at) > slowSpan {
		s.took, s.at = took, at
	}
}

// Slowest is the slowest change of the last ten minutes that took more than a second from Consul's
// answer until it was sent, and when that was; zero if none did.
func (x *XDS) Slowest() (took time.Duration, at time.Time) {
	if x == nil {
		return 0, time.Time{}
	}
	x.slowest.mu.Lock()
	defer x.slowest.mu.Unlock()
	if x.now().Sub(x.slowest.at) > slowSpan {
		return 0, time.Time{}
	}
	return x.slowest.took, x.slowest.at
}
