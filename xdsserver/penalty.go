package xdsserver

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"

	"legate/xdsserver/admission"
)

// A client that is refused should wait before it tries again: Envoy waits for half a second to three, gRPC for a second
// and more. A client that does not wait takes time from the others. So a connection on which streams are refused
// faster than that is closed. If other streams on it are served, or wait for admission, the refusals are delayed
// instead: the other streams notice nothing, unless the client resets its streams rather than wait. After a connection
// was closed for this, its address has a penalty: its new connections are admitted at a limited rate, and those that
// would wait for too long are held for a while and then closed. A fleet behind one address that is refused for a
// while has no penalty, since each of its clients waits by itself.

// penalty is that of an address. It needs the limiter's lock.
type penalty struct {
	turns  *rate.Limiter
	closed time.Time // when a connection of the address was closed last
	away   []waiting // the penalty queue: connections that will be closed, oldest first
}

// waiting is a connection in the penalty queue. It costs little, and its client does not connect again meanwhile.
type waiting struct {
	conn  net.Conn
	since time.Time
}

const (
	// penaltyStays is how long a penalty lasts after the last connection that was closed.
	penaltyStays = time.Minute
	// maxHeld bounds the penalty queue of an address. If it is full, the oldest connection is closed early.
	maxHeld = 500
	// penaltyWait is the longest wait for admission. A client that has given up meanwhile still uses its turn, so with
	// longer waits most turns would be lost. Envoy gives up after its connect_timeout (1 s as "legate bootstrap
	// envoy" writes it), which includes the TLS handshake.
	penaltyWait = 500 * time.Millisecond
)

// connection is one that was admitted, at once or after a wait.
type connection struct {
	net.Conn
	within  *limiter
	visitor *visitor
	open    atomic.Int64  // streams that are served, or wait for admission
	refused *rate.Limiter // of refused streams
	hasty   *rate.Limiter // of refused streams that their client resets instead of waiting
	wait    time.Duration // before it is served
	waited  sync.Once
	closing sync.Once
	closed  chan struct{}

	writing  atomic.Bool
	stuck    atomic.Bool  // it was closed because its client took in nothing
	lookFrom atomic.Int64 // when the deadline of writes is set anew, Unix time in ns
	over     atomic.Int64 // the deadline that others set; 0: none
}

// remote is a client's address, which leads to its connection.
type remote struct {
	net.Addr
	conn *connection
}

// String is the address as people are told it. A client of a unix socket has none.
func (r remote) String() string {
	if r.Network() == "unix" {
		return "unix socket"
	}
	return r.Addr.String()
}

// RemoteAddr is the client's address.
func (c *connection) RemoteAddr() net.Addr { return remote{c.Conn.RemoteAddr(), c} }

// connectionOf is the connection of a stream. One that did not come through the gate has none of
// its own, and may be refused as often as it likes.
func connectionOf(ctx context.Context) *connection {
	if p, ok := peer.FromContext(ctx); ok {
		if r, ok := p.Addr.(remote); ok {
			return r.conn
		}
	}
	return &connection{refused: rate.NewLimiter(rate.Inf, 0)}
}

// Read waits until it is the connection's turn.
func (c *connection) Read(b []byte) (int, error) {
	c.turn()
	return c.Conn.Read(b)
}

func (c *connection) turn() {
	if c.wait == 0 {
		return
	}
	c.waited.Do(func() { c.sleep(context.Background(), c.wait) })
}

// sleep ends early with ctx, the connection or the server.
func (c *connection) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-c.closed:
	case <-c.within.stopping:
	}
}

// Close counts the connection out.
func (c *connection) Close() error {
	if c.within == nil {
		return nil // it has not come through the gate
	}
	c.closing.Do(func() {
		close(c.closed)
		c.within.disconnect(c.visitor)
	})
	return c.Conn.Close()
}

// NetConn is the connection beneath, as [crypto/tls.Conn] has it.
func (c *connection) NetConn() net.Conn { return c.Conn }

// turn says how long a new connection waits, or that this would be too long.
func (d *penalty) turn(now time.Time, longest time.Duration) (time.Duration, bool) {
	if d == nil {
		return 0, true
	}
	turn := d.turns.ReserveN(now, 1)
	wait := turn.DelayFrom(now)
	if wait > longest {
		turn.CancelAt(now)
		return 0, false
	}
	return wait, true
}

// sendAway ends the connections of an address that have been held long enough: since before then,
// or more than can be held. The lock is held.
func (a *limiter) sendAway(v *visitor, before time.Time) {
	d := v.penalty
	for len(d.away) > maxHeld || (len(d.away) > 0 && d.away[0].since.Before(before)) {
		_ = d.away[0].conn.Close() // nothing was said on it
		d.away = d.away[1:]
		a.sub(v)
	}
}

// refuse counts a refused stream. Its client gets the refusal when refuse returns. A connection with too many of them
// is closed, or, if other streams on it are served, refuse waits. It also waits if an address has too many of them,
// over any connections: each new attempt has Legate read what it then refuses. No more refusals are delayed than an
// address, and a connection, may have streams: gRPC reads nothing more from the connection then, until one stream has
// ended. A connection whose client resets such streams too often is closed.
func (a *limiter) refuse(ctx context.Context, c *connection) {
	now := a.now()
	switch {
	case !c.refused.AllowN(now, 1):
		if c.open.Load() == 0 || !a.mayBeLate(c.visitor, a.limits.StreamsPerAddress) {
			a.turnOut(c)
			return
		}
		a.tooMany(c, a.limits.RefusedStreams, "a connection", "who is refused hears of it later")
	case c.visitor != nil && !c.visitor.refused.AllowN(now, 1) && a.mayBeLate(c.visitor, min(maxHeld, a.limits.StreamsPerAddress)):
		a.tooMany(c, addressRefused*a.limits.RefusedStreams, "an address", "who is refused hears of it later")
	default:
		return
	}
	c.sleep(ctx, a.limits.NewStreamWait)
	a.mu.Lock()
	c.visitor.late--
	a.budget.Give(&c.visitor.share, admission.HeldRequests, admission.StreamBytes+streamWindow)
	a.mu.Unlock()
	if ctx.Err() != nil && !c.hasty.AllowN(a.now(), 1) {
		a.turnOut(c)
	}
}

// addressRefused is how many times as many refused streams as a connection an address may have.
const addressRefused = 10

// refusalPace limits refusals without a delay: to times as many as one connection may have.
func refusalPace(l *admission.Limits, times int) *rate.Limiter {
	n := times * l.RefusedStreams
	return rate.NewLimiter(rate.Every(l.NewStreamWait/time.Duration(n)), n)
}

// mayBeLate counts a stream that is to hear of its refusal later, unless there are as many of the
// address.
func (a *limiter) mayBeLate(v *visitor, most int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if v.late >= most {
		return false
	}
	if a.budget.Take(&v.share, admission.HeldRequests, admission.StreamBytes+streamWindow) != nil { // who asks for more of what there is none left
		return false
	}
	v.late++
	return true
}

// turnOut closes a connection, unless it is; from then on its address waits at the door.
func (a *limiter) turnOut(c *connection) {
	select {
	case <-c.closed:
		return
	default:
	}
	a.mu.Lock()
	v := c.visitor
	if v.penalty == nil {
		v.penalty = &penalty{turns: rate.NewLimiter(rate.Limit(a.limits.Returns), a.limits.Returns)}
	}
	v.penalty.closed = a.now()
	a.mu.Unlock()
	a.tooMany(c, a.limits.RefusedStreams, "a connection", "it is closed")
	_ = c.Close()
}

func (a *limiter) tooMany(c *connection, most int, of, then string) {
	a.refusals.Of(admission.Refuse(admission.LimitRefusedStreams, codes.Unavailable, 0, admission.LookAtClient+", or raise xds.max_refused_streams",
		"more than %d streams of %s were refused within %v; %s", most, of, a.limits.NewStreamWait, then),
		c.RemoteAddr().String())
}
