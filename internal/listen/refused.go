package listen

import (
	"log/slog"
	"sync"
	"time"
)

// Refused counts the clients that were refused because of one limit.
type Refused struct {
	Limit string    `json:"limit"`
	Count uint64    `json:"count"` // since the start
	Last  time.Time `json:"last,omitzero"`
	From  string    `json:"from,omitempty"` // the last one's address
	// Detail and Remedy describe the last refusal.
	Detail string `json:"detail,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// Refusals counts refused clients. It logs each limit at most once a minute, since refused clients
// come again and again. It may be used concurrently.
type Refusals struct {
	log     *slog.Logger
	message string
	limits  []string
	counted func(limit string)

	mu   sync.Mutex
	kind map[string]*refused
}

// refused is the state of one limit.
type refused struct {
	Refused
	logged time.Time
	silent int // refusals since the last log line
}

// logRefusedEvery is the minimum interval between log lines about one limit.
const logRefusedEvery = time.Minute

// NewRefusals counts for these limits. message is the log message; counted is called for each
// refusal.
func NewRefusals(log *slog.Logger, message string, limits []string, counted func(limit string)) *Refusals {
	r := &Refusals{log: log, message: message, limits: limits, counted: counted, kind: map[string]*refused{}}
	for _, limit := range limits {
		r.kind[limit] = &refused{Refused: Refused{Limit: limit}}
	}
	return r
}

// Add counts a refused client. limit must be one of those given to NewRefusals.
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

// All returns all limits in order, including those that nobody met.
func (r *Refusals) All() []Refused {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Refused, 0, len(r.limits))
	for _, limit := range r.limits {
		out = append(out, r.kind[limit].Refused)
	}
	return out
}
