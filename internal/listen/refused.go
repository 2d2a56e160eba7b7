package listen

import (
	"log/slog"
	"sync"
	"time"
)

// Refused is how often who came to a listener was refused because of one limit.
type Refused struct {
	Limit string    `json:"limit"`
	Count uint64    `json:"count"` // since the start
	Last  time.Time `json:"last,omitzero"`
	From  string    `json:"from,omitempty"` // the last one's address
	// Detail and Remedy are what was said of the last one.
	Detail string `json:"detail,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// Refusals counts who was refused, and logs each limit once a minute at most: who is refused comes
// again and again. It may be used concurrently.
type Refusals struct {
	log     *slog.Logger
	message string
	limits  []string
	counted func(limit string)

	mu   sync.Mutex
	kind map[string]*refused
}

// refused is what is known of one limit.
type refused struct {
	Refused
	logged time.Time
	silent int // since it was logged
}

// logRefusedEvery is how often refusals because of one limit are logged at most.
const logRefusedEvery = time.Minute

// NewRefusals counts for these limits. The message is that of the log; counted hears of each refusal.
func NewRefusals(log *slog.Logger, message string, limits []string, counted func(limit string)) *Refusals {
	r := &Refusals{log: log, message: message, limits: limits, counted: counted, kind: map[string]*refused{}}
	for _, limit := range limits {
		r.kind[limit] = &refused{Refused: Refused{Limit: limit}}
	}
	return r
}

// Add counts that somebody from there was refused. The limit is one of those that r counts for.
func (r *Refusals) Add(limit, from, detail, remedy string) {
	r.counted(limit)
	now := time.Now()
	r.mu.Lock()
	k := r.kind[limit]
	k.Count++
	k.Last, k.From, k.Detail, k.Remedy = now, from, detail, remedy
	say, silent := now.Sub(k.logged) >= logRefusedEvery, k.silent
	if say {
		k.logged, k.silent = now, 0
	} else {
		k.silent++
	}
	r.mu.Unlock()
	if say {
		r.log.Warn(r.message, "limit", limit, "peer", from, "error", detail, "repeats", silent, "remedy", remedy)
	}
}

// All are all limits in their order, also those that nobody met.
func (r *Refusals) All() []Refused {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Refused, 0, len(r.limits))
	for _, limit := range r.limits {
		out = append(out, r.kind[limit].Refused)
	}
	return out
}
