package xdsserver

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

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
		budget:    admission.NewBudget(int64(limits.MemoryBytes), m.HoldRefused),
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

// intercept admits a stream and serves it within the limits.
func (a *limiter) intercept(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx := stream.Context()
	uncompressed(ctx)
	wire, err := transportOf(ctx)
	if err != nil {
		return err
	}
	g := &guarded{
		ServerStream: stream, within: a, peerInfo: peerOf(ctx), conn: connectionOf(ctx),
		intake: intake{took: make(chan struct{}, 1), marks: &a.marks},
		inbox:  inbox{wire: wire},
	}
	g.intake.of, g.ctx = g, context.WithValue(ctx, guardKey{}, g)
	enter, leave := a.enter, a.leave
	if asksForHealth(info) {
		enter, leave = a.enterProbe, (*guarded).close
	}
	if err = enter(ctx, g); err == nil {
		err = next(srv, g)
		leave(g)
	}
	if isStuck(err) && g.conn.open.Load() == 0 {
		_ = g.conn.Close() // so that nothing is kept of what its client did not take in
	}
	return a.refused(ctx, g.peerInfo, g.conn, err)
}

// asksForHealth reports whether a stream is a unary health check.
func asksForHealth(info *grpc.StreamServerInfo) bool {
	return info != nil && (info.FullMethod == healthpb.Health_Check_FullMethodName || info.FullMethod == healthpb.Health_List_FullMethodName)
}

// enterProbe admits a health check. Its rate limit is that of its address alone, so that a crowd of streams does not make
// Legate look ill.
func (a *limiter) enterProbe(_ context.Context, g *guarded) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	g.visitor = a.visitor(g.address)
	if g.visitor.probes.AllowN(a.now(), 1) {
		return nil
	}
	return admission.Refuse(admission.LimitProbes, codes.Unavailable, time.Second,
		"look what this client does, or raise xds.probes_per_second", "an address may ask %d times a second", a.limits.Probes)
}

// refused counts err if it is a limit error, and delays it, or closes the connection, if there are too many.
func (a *limiter) refused(ctx context.Context, from peerInfo, c *connection, err error) error {
	if a.refusals.Of(err, from.peer) {
		a.refuse(ctx, c)
	}
	return err
}

// uncompressed turns off compression of what is sent to a client that compresses its requests: responses are shared by
// all streams as they are.
func uncompressed(ctx context.Context) {
	if s, ok := grpc.ServerTransportStreamFromContext(ctx).(interface{ RecvCompress() string }); ok && s.RecvCompress() != "" {
		_ = grpc.SetSendCompressor(ctx, encoding.Identity) // it was not sent anything yet
	}
}

// enter admits a stream, at once or after a wait.
func (a *limiter) enter(ctx context.Context, g *guarded) error {
	a.mu.Lock()
	v := a.visitor(g.address)
	switch {
	case len(a.open) >= a.limits.Streams:
		a.mu.Unlock()
		return admission.Refuse(admission.LimitStreams, codes.ResourceExhausted, a.limits.NewStreamWait,
			"raise xds.max_streams if these are clients of yours, or run another Legate beside it",
			"%d streams are open, which is the most here; come again later", a.limits.Streams)
	case v.streams >= a.limits.StreamsPerAddress:
		a.mu.Unlock()
		return admission.Refuse(admission.LimitStreamsPerAddress, codes.ResourceExhausted, a.limits.NewStreamWait,
			"raise xds.max_streams_per_address if many clients share an address",
			"%d streams are open from this address, which is the most here", a.limits.StreamsPerAddress)
	}
	if err := a.budget.Take(&v.share, admission.HeldConnections, admission.StreamBytes); err != nil {
		a.mu.Unlock()
		return err
	}
	delay, refusal := a.turn(v)
	if refusal != nil {
		a.budget.Give(&v.share, admission.HeldConnections, admission.StreamBytes)
		a.mu.Unlock()
		return refusal
	}
	a.open[g] = struct{}{}
	g.visitor = v
	v.streams++
	g.conn.open.Add(1)
	a.mu.Unlock()
	if delay == 0 {
		return nil
	}
	err := g.pause(ctx, delay)
	if err != nil {
		a.leave(g)
	}
	return err
}

// pause has a stream wait. What its client sends meanwhile stays in the stream's window, which is counted.
func (g *guarded) pause(ctx context.Context, d time.Duration) error {
	a := g.within
	if err := a.budget.Take(&g.visitor.share, admission.HeldRequests, streamWindow); err != nil {
		return err
	}
	defer a.budget.Give(&g.visitor.share, admission.HeldRequests, streamWindow)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-a.stopping:
		return errStopping
	}
}

// turn takes a turn for a new stream, and returns how long it has to wait for it, or a limit error if that is too long.
// A client that leaves while it waits has used its turn, so opening and closing streams is no way past the queue. The
// lock is held.
func (a *limiter) turn(v *visitor) (time.Duration, *admission.Error) {
	now := a.now()
	own := v.pace.ReserveN(now, 1)
	all := a.pace.ReserveN(now, 1)
	delay := max(own.DelayFrom(now), all.DelayFrom(now))
	if delay <= a.limits.NewStreamWait {
		return delay, nil
	}
	own.CancelAt(now)
	all.CancelAt(now)
	return 0, admission.Refuse(admission.LimitNewStreams, codes.Unavailable, delay,
		"nothing, if a fleet comes back: it is let in bit by bit; else look what this client does",
		"too many new streams at the moment; come again in %v", delay.Round(100*time.Millisecond))
}

// leave undoes enter, and gives back all that is held for the stream.
func (a *limiter) leave(g *guarded) {
	g.close()
	g.intake.end()
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, g)
	g.visitor.streams--
	a.budget.Give(&g.visitor.share, admission.HeldConnections, admission.StreamBytes)
	g.conn.open.Add(-1)
	g.left = true
	if g.counted {
		if a.nodes[g.key]--; a.nodes[g.key] <= 0 {
			delete(a.nodes, g.key)
		}
	}
}

// enterNode admits a stream's node, once it is known.
func (a *limiter) enterNode(g *guarded, id string) error {
	key := nodeKey{g.identity, id}
	if key.identity == "" {
		key.identity = g.address
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if g.left {
		return nil // it ended meanwhile
	}
	if a.nodes[key] >= a.limits.StreamsPerNode {
		return admission.Refuse(admission.LimitStreamsPerNode, codes.ResourceExhausted, a.limits.NewStreamWait,
			"give each client a node id of its own, or raise xds.max_streams_per_node",
			"%d streams of node %q are open, which is the most here", a.limits.StreamsPerNode, sane(id))
	}
	a.nodes[key]++
	g.key, g.counted = key, true
	return nil
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
