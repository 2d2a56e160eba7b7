package xdsserver

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"legate/xdsserver/admission"
)

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
