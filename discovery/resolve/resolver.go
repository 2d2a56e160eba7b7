package resolve

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"legate/discovery/catalog"
	"legate/metrics"
)

// Resolver fills in the addresses of services' host names. See the package's page.
type Resolver struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics.Resolve
	lookup  *lookup
	queries chan struct{} // holds a value for each query that is under way
	heard   chan heard
	seed    map[string][]netip.Addr // by host name
	names   sync.WaitGroup          // the goroutines that watch a name each
	moved   chan struct{}           // holds one: stands has changed

	mu     sync.Mutex
	status Status
	stands map[string][]netip.Addr // the addresses of each host name now
}

// heard is the outcome of a query about a name.
type heard struct {
	name    *name
	outcome outcome
	at      time.Time
}

// New makes a Resolver; it starts nothing. The metrics may be nil.
func New(cfg Config, log *slog.Logger, m *metrics.Resolve) *Resolver {
	return &Resolver{
		cfg: cfg, log: log, metrics: m, lookup: newLookup(cfg),
		queries: make(chan struct{}, cfg.Queries), heard: make(chan heard),
		moved: make(chan struct{}, 1),
	}
}

// Seed gives the Resolver the addresses of host names from an earlier run. They count until DNS
// answers. It is called before Run, at most once.
func (r *Resolver) Seed(addresses map[string][]netip.Addr) { r.seed = addresses }

// Addresses are those of all host names now, to be kept for the next run. It may be called at any
// time; the map must not be changed.
func (r *Resolver) Addresses() map[string][]netip.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stands
}

// Moved is sent a value when Addresses has changed. It has one reader.
func (r *Resolver) Moved() <-chan struct{} { return r.moved }

// tick is how often services that have waited for Config.Grace are released, and the status is
// renewed.
const tick = 500 * time.Millisecond

// Run passes Deltas on from in to out, with the host names of services resolved, until ctx ends.
func (r *Resolver) Run(ctx context.Context, in <-chan catalog.Delta, out chan<- catalog.Delta) error {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		r.names.Wait()
	}()
	l := newLoop(ctx, r)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		var offer chan<- catalog.Delta
		var delta catalog.Delta
		if l.ready() {
			offer, delta = out, l.delta()
		}
		select {
		case <-ctx.Done():
			return nil
		case offer <- delta:
			if l.sent() {
				l.show()
			}
		case d := <-in:
			l.take(d, time.Now())
		case h := <-r.heard:
			l.learn(h)
		case now := <-ticker.C:
			l.release(now)
			l.show()
		}
	}
}
