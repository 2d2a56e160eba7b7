package admission

import (
	"context"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"legate/internal/quote"
)

// Stream is a stream as far as limits go. It is admitted by Admit or AdmitProbe, then released, and ended in any case.
type Stream struct {
	peer    Peer
	limiter *Limiter
	conn    *connection
	address *Address // from Admit or AdmitProbe on

	// Under the Limiter's lock.
	isCounted bool
	node      node
	hasNode   bool // and it is counted
}

// node is a node as far as limits go. An id alone says little: any client can choose it.
type node struct{ identity, id string }

// NewStream returns the stream of a context, which is not admitted yet.
func (l *Limiter) NewStream(ctx context.Context) *Stream {
	return &Stream{peer: PeerOf(ctx), limiter: l, conn: l.connectionOf(ctx)}
}

// Peer is who is at the other end.
func (s *Stream) Peer() Peer { return s.peer }

// Share is the part of the budget that the stream's address has. It is known when the stream is admitted.
func (s *Stream) Share() *Share { return &s.address.share }

// Address is the stream's. It is known when the stream is admitted.
func (s *Stream) Address() *Address { return s.address }

// Admit admits the stream, at once or after a wait.
func (s *Stream) Admit(ctx context.Context) error {
	delay, err := s.count()
	if err == nil && delay > 0 {
		if err = s.Pause(ctx, delay); err != nil {
			s.Release()
		}
	}
	return err
}

// count counts the stream in, and returns how long it has to wait, or a limit error.
func (s *Stream) count() (time.Duration, error) {
	l := s.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.address(s.peer.Address)
	switch {
	case l.streams >= l.limits.Streams:
		return 0, Refuse(LimitStreams, codes.ResourceExhausted, l.limits.NewStreamWait,
			"raise xds.max_streams if these are clients of yours, or run another Legate beside it",
			"%d streams are open, which is the most here; come again later", l.limits.Streams)
	case a.streams >= l.limits.StreamsPerAddress:
		return 0, Refuse(LimitStreamsPerAddress, codes.ResourceExhausted, l.limits.NewStreamWait,
			"raise xds.max_streams_per_address if many clients share an address",
			"%d streams are open from this address, which is the most here", l.limits.StreamsPerAddress)
	}
	if err := l.budget.Take(&a.share, HeldConnections, StreamBytes); err != nil {
		return 0, err
	}
	delay, refusal := l.reserveStream(a)
	if refusal != nil {
		l.budget.Give(&a.share, HeldConnections, StreamBytes)
		return 0, refusal
	}
	s.address, s.isCounted = a, true
	l.streams++
	a.streams++
	s.conn.streams.Add(1)
	return delay, nil
}

// reserveStream takes a token for a new stream, and returns how long it has to wait for it, or a limit error if that is
// too long. A client that goes away while it waits has used its token, so opening and closing streams is no way past
// the rate limit.
func (l *Limiter) reserveStream(a *Address) (time.Duration, *Error) {
	now := l.now()
	own := a.newStreams.ReserveN(now, 1)
	all := l.newStreams.ReserveN(now, 1)
	delay := max(own.DelayFrom(now), all.DelayFrom(now))
	if delay <= l.limits.NewStreamWait {
		return delay, nil
	}
	own.CancelAt(now)
	all.CancelAt(now)
	return 0, Refuse(LimitNewStreams, codes.Unavailable, delay,
		"nothing, if a fleet comes back: it is let in bit by bit; else look what this client does",
		"too many new streams at the moment; come again in %v", delay.Round(100*time.Millisecond))
}

// AdmitProbe admits the stream as a health check. Its rate limit is that of its address alone, so that a crowd of
// streams does not make Legate look ill.
func (s *Stream) AdmitProbe() error {
	l := s.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	s.address = l.address(s.peer.Address)
	if s.address.probes.AllowN(l.now(), 1) {
		return nil
	}
	return Refuse(LimitProbes, codes.Unavailable, time.Second,
		"look what this client does, or raise xds.probes_per_second", "an address may ask %d times a second", l.limits.Probes)
}

// AdmitNode admits the stream's node, once its id is known.
func (s *Stream) AdmitNode(id string) error {
	key := node{s.peer.Identity, id}
	if key.identity == "" {
		key.identity = s.peer.Address
	}
	l := s.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	if !s.isCounted {
		return nil // it has ended meanwhile
	}
	if l.nodes[key] >= l.limits.StreamsPerNode {
		return Refuse(LimitStreamsPerNode, codes.ResourceExhausted, l.limits.NewStreamWait,
			"give each client a node id of its own, or raise xds.max_streams_per_node",
			"%d streams of node %q are open, which is the most here", l.limits.StreamsPerNode, quote.Cut(id, quote.TextBytes))
	}
	l.nodes[key]++
	s.node, s.hasNode = key, true
	return nil
}

// Release undoes Admit and AdmitNode.
func (s *Stream) Release() {
	l := s.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	if !s.isCounted {
		return
	}
	s.isCounted = false
	l.streams--
	s.address.streams--
	s.conn.streams.Add(-1)
	l.budget.Give(&s.address.share, HeldConnections, StreamBytes)
	if s.hasNode {
		if l.nodes[s.node]--; l.nodes[s.node] <= 0 {
			delete(l.nodes, s.node)
		}
	}
}

// End returns err, which is how the stream ends, whether it was admitted or not. If it is a limit error, it is counted;
// if there were too many of them, End waits, or closes the connection.
func (s *Stream) End(ctx context.Context, err error) error {
	if isStuck(err) && s.conn.streams.Load() == 0 {
		_ = s.conn.Close() // so that nothing is kept of what its client did not take in
	}
	if s.limiter.refusals.Of(err, s.peer.HostPort) {
		s.limiter.refuse(ctx, s.conn)
	}
	return err
}

// Pause has the stream wait. What its client sends meanwhile stays in the stream's window, which is counted. The error
// is a limit error, or says that the stream or Legate ends.
func (s *Stream) Pause(ctx context.Context, d time.Duration) error {
	l := s.limiter
	if err := l.budget.Take(&s.address.share, HeldRequests, StreamWindow); err != nil {
		return err
	}
	defer l.budget.Give(&s.address.share, HeldRequests, StreamWindow)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-l.stopping:
		return ErrStopping
	}
}

// AwaitUnproven waits until the client may send so many unproven bytes more (see [Limits.UnprovenBytes]), or the stream
// ends.
func (s *Stream) AwaitUnproven(ctx context.Context, bytes int) {
	if bytes <= 0 {
		return
	}
	now := s.limiter.now()
	var wait time.Duration
	for _, r := range []*rate.Limiter{s.address.unproven, s.limiter.unproven} {
		wait = max(wait, r.ReserveN(now, min(bytes, r.Burst())).DelayFrom(now))
	}
	if wait > 0 {
		s.conn.sleep(ctx, wait)
	}
}

// IsWriting reports whether a write to the stream's connection is under way, which may wait for the client.
func (s *Stream) IsWriting() bool { return s.conn.writing.Load() }

// IsStuck reports whether the stream's connection was closed because its client took in nothing.
func (s *Stream) IsStuck() bool { return s.conn.stuck.Load() }
