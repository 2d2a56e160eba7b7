package admission

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Limiter admits connections, streams and unary requests, as far as the limits and the budget allow. Its methods may be
// called concurrently.
type Limiter struct {
	limits        Limits
	names         int // that a stream may ask for of one type
	budget        *Budget
	refusals      *Refusals
	onConnections func(n int)     // called with the number of open connections
	stopping      <-chan struct{} // closed when all waits end
	now           func() time.Time

	fetches chan struct{} // has a place for each unary request that may be answered at the same time
	unread  unread

	// Rates of all addresses together.
	newStreams  *rate.Limiter
	freshNames  *rate.Limiter
	nameChanges *rate.Limiter
	unproven    *rate.Limiter // bytes of messages, see Stream.AwaitUnproven

	mu          sync.Mutex // of all that follows, of all addresses and of all streams
	connections int
	streams     int
	addresses   map[string]*Address
	nodes       map[node]int // streams
}

// Address is what is counted for one address. It is forgotten when nothing of it is open, nothing is held for it, and
// its rate limiters are full again.
type Address struct {
	name  string
	share Share

	newStreams  *rate.Limiter
	probes      *rate.Limiter
	freshNames  *rate.Limiter
	nameChanges *rate.Limiter
	unproven    *rate.Limiter
	refused     *rate.Limiter // refusals without a delay

	// Under the Limiter's lock.
	connections int
	streams     int
	delayed     int      // refusals that their clients do not have yet
	penalty     *penalty // nil: there is none
}

// String returns the address, without a port.
func (a *Address) String() string { return a.name }

// Share is the address's part of the budget.
func (a *Address) Share() *Share { return &a.share }

// ErrStopping ends what waits, and what is open, when Legate stops.
var ErrStopping = status.Error(codes.Unavailable, "legate is shutting down; connect again")

// NewLimiter returns a Limiter for streams that may ask for so many names of one type. onConnections is called with the
// number of open connections when it changes. Closing stopping ends all waits.
func NewLimiter(limits Limits, names int, b *Budget, r *Refusals, onConnections func(n int), stopping <-chan struct{}) *Limiter {
	return &Limiter{
		limits: limits, names: names, budget: b, refusals: r, onConnections: onConnections, stopping: stopping, now: time.Now,
		fetches:     make(chan struct{}, limits.Fetches),
		unread:      unread{of: map[*Address]int{}},
		newStreams:  rate.NewLimiter(rate.Limit(limits.NewStreams), limits.NewStreamsBurst),
		freshNames:  freshNames(&limits, names, allFresh),
		nameChanges: nameChanges(&limits, names, allChanges),
		unproven:    unprovenBytes(&limits, allUnproven),
		addresses:   map[string]*Address{},
		nodes:       map[node]int{},
	}
}

// elsewhere stands for all addresses beyond those that are remembered.
const elsewhere = "elsewhere"

// address returns what is counted for an address. The lock is held.
func (l *Limiter) address(name string) *Address {
	if l.addresses[name] == nil && len(l.addresses) >= 4*l.limits.Connections {
		name = elsewhere
	}
	a := l.addresses[name]
	if a == nil {
		a = &Address{
			name:        name,
			newStreams:  rate.NewLimiter(rate.Limit(l.limits.NewStreams)/2, (l.limits.NewStreamsBurst+1)/2),
			probes:      rate.NewLimiter(rate.Limit(l.limits.Probes), l.limits.Probes),
			freshNames:  freshNames(&l.limits, l.names, addressFresh),
			nameChanges: nameChanges(&l.limits, l.names, addressChanges),
			unproven:    unprovenBytes(&l.limits, 1),
			refused:     refusedStreams(&l.limits, addressRefused),
		}
		l.addresses[name] = a
	}
	return a
}

// Run ends penalties and forgets addresses, until the context is done.
func (l *Limiter) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			l.forget(l.now().Add(2 * l.limits.NewStreamWait)) // the penalty queues are closed
			return
		case <-tick.C:
			l.forget(l.now())
		}
	}
}

// forget closes connections that were in a penalty queue for long enough, ends penalties, and drops addresses of which
// nothing is left.
func (l *Limiter) forget(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, a := range l.addresses {
		if a.penalty != nil {
			l.closeQueued(a, now.Add(-l.limits.NewStreamWait))
			if len(a.penalty.queue) == 0 && now.Sub(a.penalty.last) > penaltyTime {
				a.penalty = nil
			}
		}
		if a.connections == 0 && a.streams == 0 && a.penalty == nil && a.share.Bytes() == 0 &&
			areFull(now, a.newStreams, a.probes, a.freshNames, a.nameChanges, a.refused, a.unproven) {
			delete(l.addresses, name)
		}
	}
}

// Usage is what is counted at one moment.
type Usage struct{ Connections, Streams, Nodes, Addresses int }

// Usage returns what is counted now.
func (l *Limiter) Usage() Usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Usage{l.connections, l.streams, len(l.nodes), len(l.addresses)}
}
