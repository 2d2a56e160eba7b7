package watch

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// openPatience is how long a service that was read waits for all others to be, before it waits
// for its changes. Then openFirst blocking queries are opened at once, and openRate a second.
const (
	openPatience = 20 * time.Second
	openFirst    = 100
	openRate     = 2000
)

// firstReads keeps blocking queries back while the first reads are under way. Opening one costs
// Consul about as much as a read, and nothing is handed out before all was read. What changes
// meanwhile is not missed: the query asks for what came after the read.
type firstReads struct {
	complete chan struct{} // closed when all was read
	start    *Start
}

// Start is what the Queries to several sites share when they are first read: these ask one agent, and nothing is served
// before all were read.
type Start struct {
	over chan struct{}
	pace *rate.Limiter
}

// NewStart is one that is not over.
func NewStart() *Start {
	return &Start{over: make(chan struct{}), pace: rate.NewLimiter(openRate, openFirst)}
}

// Over says that what was read is served. It is called once.
func (s *Start) Over() { close(s.over) }

func newFirstReads() firstReads {
	alone := NewStart()
	alone.Over()
	return firstReads{complete: make(chan struct{}), start: alone}
}

// await returns when a blocking query may be opened, or ctx ends. Those that were kept back go
// at a pace that Consul can follow; later ones do not wait.
func (f firstReads) await(ctx context.Context) {
	until, waited := time.Now().Add(openPatience), false
	for _, done := range []<-chan struct{}{f.complete, f.start.over} {
		select {
		case <-done:
			continue
		default:
		}
		waited = true
		select {
		case <-done:
		case <-time.After(time.Until(until)):
		case <-ctx.Done():
		}
	}
	if waited {
		_ = f.start.pace.Wait(ctx) // fails only if ctx ends
	}
}

// Complete says that all was read for the first time. It is called once.
func (q *Queries) Complete() { close(q.firstReads.complete) }

// Join has blocking queries kept back until the start is over, too. It is called before Run.
func (q *Queries) Join(start *Start) { q.firstReads.start = start }
