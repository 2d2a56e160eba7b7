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
	pace     *rate.Limiter
}

func newFirstReads() firstReads {
	return firstReads{complete: make(chan struct{}), pace: rate.NewLimiter(openRate, openFirst)}
}

// await returns when a blocking query may be opened, or ctx ends. Those that were kept back go
// at a pace that Consul can follow; later ones do not wait.
func (f firstReads) await(ctx context.Context) {
	select {
	case <-f.complete:
		return
	default:
	}
	select {
	case <-f.complete:
	case <-time.After(openPatience):
	case <-ctx.Done():
	}
	_ = f.pace.Wait(ctx) // fails only if ctx ends
}

// Complete says that all was read for the first time. It is called once.
func (q *Queries) Complete() { close(q.firstReads.complete) }
