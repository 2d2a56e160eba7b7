package admission

import (
	"context"
	"net"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
)

// A client that is refused should wait before it tries again: Envoy waits for half a second to three, gRPC for a second
// and more. A client that does not wait takes time from the others. So a connection on which streams are refused
// faster than that is closed. If other streams on it are served, or wait for admission, the refusals are delayed
// instead: the other streams notice nothing, unless the client resets its streams rather than wait. After a connection
// was closed for this, its address has a penalty: its new connections are admitted at a limited rate, and those that
// would wait for too long stay in the penalty queue for a while and are then closed. A fleet behind one address that is
// refused for a while has no penalty, since each of its clients waits by itself.

// penalty is that of an address. It needs the Limiter's lock.
type penalty struct {
	connections *rate.Limiter // new ones
	last        time.Time     // when a connection of the address was closed
	queue       []waiting     // connections that will be closed, oldest first
}

// waiting is a connection in the penalty queue. It costs little, and its client does not connect again meanwhile.
type waiting struct {
	conn  net.Conn
	since time.Time
}

const (
	// penaltyTime is how long a penalty lasts after the last connection that was closed.
	penaltyTime = time.Minute
	// maxQueued bounds the penalty queue of an address. If it is full, the oldest connection is closed early.
	maxQueued = 500
	// penaltyWait is the longest wait for admission. A client that has given up meanwhile still uses its token, so with
	// longer waits most tokens would be lost. Envoy gives up after its connect_timeout (1 s as "legate bootstrap
	// envoy" writes it), which includes the TLS handshake.
	penaltyWait = 500 * time.Millisecond
)

// reserve returns how long a new connection has to wait, unless that is too long.
func (p *penalty) reserve(now time.Time, longest time.Duration) (wait time.Duration, ok bool) {
	if p == nil {
		return 0, true
	}
	token := p.connections.ReserveN(now, 1)
	if wait = token.DelayFrom(now); wait > longest {
		token.CancelAt(now)
		return 0, false
	}
	return wait, true
}

// closeQueued closes the connections in an address's penalty queue that came before a time, or are more than it may
// have. The lock is held.
func (l *Limiter) closeQueued(a *Address, before time.Time) {
	p := a.penalty
	for len(p.queue) > maxQueued || (len(p.queue) > 0 && p.queue[0].since.Before(before)) {
		_ = p.queue[0].conn.Close() // nothing was said on it
		p.queue = p.queue[1:]
		l.uncount(a)
	}
}

// refuse counts a refused stream. Its client gets the refusal when refuse returns. A connection with too many of them
// is closed, or, if other streams on it are served, refuse waits. It also waits if an address has too many of them,
// over any connections: each new attempt has Legate read what it then refuses. No more refusals are delayed than an
// address, and a connection, may have streams: gRPC reads nothing more from the connection then, until one stream has
// ended. A connection whose client resets such streams too often is closed.
func (l *Limiter) refuse(ctx context.Context, c *connection) {
	now := l.now()
	switch {
	case !c.refused.AllowN(now, 1):
		if c.streams.Load() == 0 || !l.mayDelay(c.address, l.limits.StreamsPerAddress) {
			l.penalize(c)
			return
		}
		l.tooMany(c, l.limits.RefusedStreams, "a connection", "who is refused hears of it later")
	case c.address != nil && !c.address.refused.AllowN(now, 1) && l.mayDelay(c.address, min(maxQueued, l.limits.StreamsPerAddress)):
		l.tooMany(c, addressRefused*l.limits.RefusedStreams, "an address", "who is refused hears of it later")
	default:
		return
	}
	c.sleep(ctx, l.limits.NewStreamWait)
	l.mu.Lock()
	c.address.delayed--
	l.budget.Give(&c.address.share, HeldRequests, StreamBytes+StreamWindow)
	l.mu.Unlock()
	if ctx.Err() != nil && !c.resets.AllowN(l.now(), 1) {
		l.penalize(c)
	}
}

// mayDelay counts a refusal that is delayed, unless there are as many of the address.
func (l *Limiter) mayDelay(a *Address, most int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.delayed >= most {
		return false
	}
	if l.budget.Take(&a.share, HeldRequests, StreamBytes+StreamWindow) != nil {
		return false // who is refused because there is no memory gets none to wait in
	}
	a.delayed++
	return true
}

// penalize closes a connection, unless it is closed, and gives its address a penalty.
func (l *Limiter) penalize(c *connection) {
	select {
	case <-c.closed:
		return
	default:
	}
	l.mu.Lock()
	a := c.address
	if a.penalty == nil {
		a.penalty = &penalty{connections: rate.NewLimiter(rate.Limit(l.limits.Returns), l.limits.Returns)}
	}
	a.penalty.last = l.now()
	l.mu.Unlock()
	l.tooMany(c, l.limits.RefusedStreams, "a connection", "it is closed")
	_ = c.Close()
}

// tooMany counts refused streams as a limit error of their own.
func (l *Limiter) tooMany(c *connection, most int, of, then string) {
	l.refusals.Of(Refuse(LimitRefusedStreams, codes.Unavailable, 0, LookAtClient+", or raise xds.max_refused_streams",
		"more than %d streams of %s were refused within %v; %s", most, of, l.limits.NewStreamWait, then),
		c.RemoteAddr().String())
}
