package metrics

import (
	"sync"
	"time"
)

// slow is the threshold for a slow change, from Consul's answer until it is sent. It is that of the
// alert for slow changes.
const slow = time.Second

// slowSpan is how long a slow change is reported.
const slowSpan = 10 * time.Minute

// slowest is the slowest change within slowSpan.
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

// Slowest returns the slowest change of the last ten minutes and when it was sent, if one took more
// than a second from Consul's answer until it was sent. Otherwise both are zero.
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
