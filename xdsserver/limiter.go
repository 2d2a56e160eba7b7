package xdsserver

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"legate/metrics"
	"legate/xdsserver/admission"
)

// limiter counts connections and streams, and admits no more than the limits allow. An address is forgotten when
// nothing of it is open and its rate limiters are full again, a node with its last stream.
type limiter struct {
	limits   admission.Limits
	largest  int // bytes of a message
	names    int // that a stream may want of a type
	budget   *admission.Budget
	refusals *admission.Refusals
	changed  func()          // called when a client names another node than in its first request
	sized    func(n int)     // called with the number of open connections
	stopping <-chan struct{} // closed when all waits end
	now      func() time.Time

	mu          sync.Mutex
	pace        *rate.Limiter // of new streams
	fresh       *rate.Limiter // of names that nobody had
	changes     *rate.Limiter // of names that are asked for
	unproven    *rate.Limiter // bytes of messages, see receive.go
	connections int
	addresses   map[string]*visitor
	nodes       map[nodeKey]int // streams
	open        map[*guarded]struct{}

	marks   sync.Pool
	buffers sync.Pool    // of *[]byte, for messages
	first   atomic.Int64 // bytes that a stream's first message may have; 0: not known yet
}

// visitor is what is kept of an address.
type visitor struct {
	address     string
	connections int
	streams     int
	late        int           // refusals that are delayed
	refused     *rate.Limiter // of refusals without a delay
	unproven    *rate.Limiter // bytes of messages, see receive.go
	pace        *rate.Limiter
	probes      *rate.Limiter
	fresh       *rate.Limiter
	changes     *rate.Limiter
	share       admission.Share
	penalty     *penalty // nil: its connections are let in at once
}

// nodeKey is a node as far as limits go. An id alone says little: any client can choose it.
type nodeKey struct{ identity, id string }

func newLimiter(c Config, r *admission.Refusals, stopping <-chan struct{}, m *metrics.XDS) *limiter {
	limits := c.Limits
	return &limiter{
		limits: limits, largest: c.MaxRequestBytes, names: c.MaxNames, refusals: r, stopping: stopping, changed: m.NodeChanged, sized: m.Connections,
		budget:    admission.NewBudget(int64(limits.MemoryBytes), m.MemoryRefused),
		now:       time.Now,
		pace:      rate.NewLimiter(rate.Limit(limits.NewStreams), limits.NewStreamsBurst),
		fresh:     freshNames(limits.FreshNames, c.MaxNames, allStreams),
		changes:   nameChanges(limits.NameChanges, c.MaxNames, allChanges),
		addresses: map[string]*visitor{},
		nodes:     map[nodeKey]int{},
		open:      map[*guarded]struct{}{},
		unproven:  unprovenPace(&limits, allUnproven),
	}
}

// elsewhere stands for all addresses beyond those that are remembered.
const elsewhere = "elsewhere"

// visitor returns what is kept of an address. The lock is held.
func (a *limiter) visitor(address string) *visitor {
	if a.addresses[address] == nil && len(a.addresses) >= 4*a.limits.Connections {
		address = elsewhere
	}
	v := a.addresses[address]
	if v == nil {
		half := (a.limits.NewStreamsBurst + 1) / 2
		v = &visitor{
			address:  address,
			pace:     rate.NewLimiter(rate.Limit(a.limits.NewStreams)/2, half),
			probes:   rate.NewLimiter(rate.Limit(a.limits.Probes), a.limits.Probes),
			fresh:    freshNames(a.limits.FreshNames, a.names, addressStreams),
			changes:  nameChanges(a.limits.NameChanges, a.names, addressChanges),
			refused:  refusalPace(&a.limits, addressRefused),
			unproven: unprovenPace(&a.limits, 1),
		}
		a.addresses[address] = v
	}
	return v
}

// run calls forget every second, until the context is done.
func (a *limiter) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			a.forget(a.now().Add(2 * a.limits.NewStreamWait)) // nobody is held any more
			return
		case <-tick.C:
			a.forget(a.now())
		}
	}
}

// forget closes connections that were in the penalty queue for long enough, ends penalties, and drops addresses of which
// nothing is left.
func (a *limiter) forget(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for address, v := range a.addresses {
		if v.penalty != nil {
			a.sendAway(v, now.Add(-a.limits.NewStreamWait))
			if len(v.penalty.away) == 0 && now.Sub(v.penalty.closed) > penaltyStays {
				v.penalty = nil
			}
		}
		if v.connections == 0 && v.streams == 0 && v.penalty == nil && v.share.Bytes() == 0 && isWhole(now, v.pace, v.probes, v.fresh, v.changes, v.refused, v.unproven) {
			delete(a.addresses, address)
		}
	}
}

// isWhole reports whether all limiters are full.
func isWhole(now time.Time, limiters ...*rate.Limiter) bool {
	for _, l := range limiters {
		if l.TokensAt(now) < float64(l.Burst()) {
			return false
		}
	}
	return true
}
