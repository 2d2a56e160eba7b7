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

// Who is refused waits before it comes again: Envoy for half a second to three, gRPC for one and
// more. Who does not wait costs the others, refused or not. So a connection on which streams are
// refused faster than that is closed. If others on it are served, or wait for their turn, who is
// refused hears of it later instead, and they notice nothing, unless it resets its streams rather
// than wait. The address whose connection was closed takes turns at the door from then on: its next
// connections wait, each until it is its turn, and those whose turn is too far off until they are
// sent away. A fleet behind one address that is refused for a while meets nothing of this, since
// each of its clients waits by itself.

// door is kept of an address that has had a connection closed for refused streams. The lock of
// the admission is held when it is used.
type door struct {
	turns  *rate.Limiter
	closed time.Time // when a connection was closed last
	away   []waiting // who will be sent away, oldest first
}

// waiting is a connection that will be sent away. Until then it costs little, and who waits does
// not come again meanwhile.
type waiting struct {
	conn  net.Conn
	since time.Time
}

const (
	// doorStays is how long an address takes turns after its last connection that was closed.
	doorStays = time.Minute
	// maxHeld is how many connections of an address are held. When there are more, the oldest is
	// sent away early.
	maxHeld = 500
	// doorWait is how far off a turn may be. A client that has given up meanwhile uses its turn up
	// all the same: were that the rule, nobody would get in. Envoy gives up after its connect_timeout
	// (1 s as "legate bootstrap envoy" writes it), which is over only when TLS is.
	doorWait = 500 * time.Millisecond
)

// connection is one that was let in, at once or when it is its turn.
type connection struct {
	net.Conn
	within  *limiter
	visitor *visitor
	open    atomic.Int64  // streams that are served, or wait for their turn
	refused *rate.Limiter // streams that may be refused
	hasty   *rate.Limiter // refused streams that may be reset before their client hears of it
	wait    time.Duration // until it is its turn
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
func (d *door) turn(now time.Time, longest time.Duration) (time.Duration, bool) {
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
	d := v.door
	for len(d.away) > maxHeld || (len(d.away) > 0 && d.away[0].since.Before(before)) {
		_ = d.away[0].conn.Close() // nothing was said on it
		d.away = d.away[1:]
		a.sub(v)
	}
}

// refuse counts a refused stream, whose client hears of it when refuse returns. If a connection has too many, it
// is closed; or, if others on it are served, the stream waits, so that its client hears of it later. If an
// address has too many, whatever its connections, they wait, too: who is refused comes again at once, and each
// time it has Legate read what is refused. No more wait than an address may have streams, and a connection: gRPC
// reads nothing from it until one has ended. A client that resets the stream meanwhile does not wait: if it goes
// on so, nothing saves its connection.
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

// addressRefused is how many times what one connection may have refused is allowed an address.
const addressRefused = 10

// refusalPace is how many of a connection's streams, times so many, may be refused and hear of it at once.
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
	if v.door == nil {
		v.door = &door{turns: rate.NewLimiter(rate.Limit(a.limits.Returns), a.limits.Returns)}
	}
	v.door.closed = a.now()
	a.mu.Unlock()
	a.tooMany(c, a.limits.RefusedStreams, "a connection", "it is closed")
	_ = c.Close()
}

func (a *limiter) tooMany(c *connection, most int, of, then string) {
	a.refusals.Of(admission.Refuse(admission.LimitRefusedStreams, codes.Unavailable, 0, admission.LookAtClient+", or raise xds.max_refused_streams",
		"more than %d streams of %s were refused within %v; %s", most, of, a.limits.NewStreamWait, then),
		c.RemoteAddr().String())
}
