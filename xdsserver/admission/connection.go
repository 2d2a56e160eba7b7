package admission

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
)

// connection is one that was admitted, at once or after a wait.
type connection struct {
	net.Conn // nil: it did not come through the Limiter
	limiter  *Limiter
	address  *Address
	streams  atomic.Int64  // that are served, or wait for admission
	refused  *rate.Limiter // refused streams
	resets   *rate.Limiter // refused streams that their client resets instead of waiting
	wait     time.Duration // before it is served
	waited   sync.Once
	closing  sync.Once
	closed   chan struct{}

	writing   atomic.Bool
	stuck     atomic.Bool  // it was closed because its client took in nothing
	checkFrom atomic.Int64 // when the deadline of writes is set anew, Unix time in ns
	deadline  atomic.Int64 // the one that others set; 0: none
}

// connect admits a connection, or returns a limit error. If queued, the refused connection is in the penalty queue, and
// must not be closed yet.
func (l *Limiter) connect(conn net.Conn) (c *connection, queued bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.connections >= l.limits.Connections {
		return nil, false, Refuse(LimitConnections, codes.ResourceExhausted, 0, "raise xds.max_connections if these are clients of yours, or run another Legate beside it", "too many connections")
	}
	a := l.address(addressOf(conn.RemoteAddr()))
	if a.connections >= l.limits.ConnectionsPerAddress {
		return nil, false, Refuse(LimitConnectionsPerAddress, codes.ResourceExhausted, 0, "raise xds.max_connections_per_address if many clients share an address", "too many connections from this address")
	}
	if err := l.budget.Take(&a.share, HeldConnections, ConnectionBytes); err != nil {
		return nil, false, err
	}
	a.connections++
	l.connections++
	l.onConnections(l.connections)
	now := l.now()
	wait, ok := a.penalty.reserve(now, min(penaltyWait, l.limits.NewStreamWait))
	if !ok {
		a.penalty.queue = append(a.penalty.queue, waiting{conn, now})
		l.closeQueued(a, now.Add(-l.limits.NewStreamWait))
		return nil, true, Refuse(LimitReturns, codes.Unavailable, 0,
			LookAtClient+": its address had a connection closed for refused streams less than a minute ago",
			"too many connections from an address whose clients do not wait when they are refused")
	}
	return &connection{
		Conn: conn, limiter: l, address: a, wait: wait, closed: make(chan struct{}),
		refused: refusedStreams(&l.limits, 1), resets: refusedStreams(&l.limits, 1),
	}, false, nil
}

// disconnect undoes connect.
func (l *Limiter) disconnect(a *Address) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.uncount(a)
}

// uncount removes a connection from all counts. The lock is held.
func (l *Limiter) uncount(a *Address) {
	a.connections--
	l.connections--
	l.budget.Give(&a.share, HeldConnections, ConnectionBytes)
	l.onConnections(l.connections)
}

// connectionOf returns the connection of a stream. One that did not come through the Limiter is not counted, and may
// be refused as often as it likes.
func (l *Limiter) connectionOf(ctx context.Context) *connection {
	if p, ok := peer.FromContext(ctx); ok {
		if r, ok := p.Addr.(remote); ok {
			return r.conn
		}
	}
	return &connection{limiter: l, refused: rate.NewLimiter(rate.Inf, 0)}
}

// AddressOf returns what is counted for the address of a connection that a Limiter has admitted. Any other connection
// has an address of its own, which nothing is counted for.
func AddressOf(c net.Conn) *Address {
	if r, ok := c.RemoteAddr().(remote); ok {
		return r.conn.address
	}
	return &Address{}
}

// RemoteAddr is the client's address.
func (c *connection) RemoteAddr() net.Addr { return remote{c.Conn.RemoteAddr(), c} }

// NetConn is the connection beneath, as [crypto/tls.Conn] has it.
func (c *connection) NetConn() net.Conn { return c.Conn }

// Read waits for the connection's admission first.
func (c *connection) Read(b []byte) (int, error) {
	c.awaitAdmission()
	return c.Conn.Read(b)
}

func (c *connection) awaitAdmission() {
	if c.wait > 0 {
		c.waited.Do(func() { c.sleep(context.Background(), c.wait) })
	}
}

// sleep ends early with ctx, the connection or the server.
func (c *connection) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-c.closed:
	case <-c.limiter.stopping:
	}
}

// Close closes the connection, and removes it from all counts.
func (c *connection) Close() error {
	if c.Conn == nil {
		return nil
	}
	c.closing.Do(func() {
		close(c.closed)
		c.limiter.disconnect(c.address)
	})
	return c.Conn.Close()
}
