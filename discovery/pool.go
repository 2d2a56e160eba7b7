package discovery

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pool is the only way to Consul: a transport that never has more connections than its limit,
// those that are being opened included. How many requests share one is what the connection itself
// says: one over HTTP/1.1, as many as Consul allows over HTTP/2. A request for which there is no
// room waits for its turn, the first come first.
type pool struct {
	limit        int
	scheme, host string
	transport    *http.Transport
	taken        atomic.Int64  // connections that are open or being opened
	changed      chan struct{} // holds one: there may be room, or a connection fewer

	ctx   context.Context // ends with close
	end   context.CancelFunc
	loops sync.WaitGroup

	mu      sync.Mutex
	running bool
	closed  bool
	conns   []*pooled // that were not seen to be closed, the oldest first
	dials   int       // under way
	room    int       // requests that one connection takes, as the last one said; 0: there was none yet
	queue   []*waiter // the first come first
}

// pooled is a connection of the pool. What is not safe by itself is under the pool's lock.
type pooled struct {
	*http.ClientConn
	room     int         // the most requests that it was seen to take at once; 0: not seen
	old      bool        // it is for those who ask for an old one
	used     bool        // it had requests since idle ones were looked for last
	answered atomic.Bool // it has brought an answer
}

// waiter is a request that waits.
type waiter struct {
	old bool
	got chan granted // has room for one
}

type granted struct {
	conn *pooled
	err  error
}

var errPoolClosed = errors.New("connections are closed")

// idleTime is how long a connection without requests is kept at least, and twice that at most.
const idleTime = 45 * time.Second

// unproven is how many requests the first connection gets before it has brought an answer: fewer than
// any server of HTTP/2 allows (https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2 advises 100 at
// least), which it may not have said yet.
const unproven = 10

// blink is how soon after a request began its failure may be blamed on the connection's end, which
// both sides did not know of yet: then the request is sent again. Who has waited for longer was
// heard, and is to hear that this is over.
const blink = 100 * time.Millisecond

// onOldConnection is for a request that is to find out whether connections that are open work. Over
// HTTP/2 they do, or their pings tell; over HTTP/1.1, where each watch has a connection of its own
// and waits on it in silence, it takes one that has been open for long.
func onOldConnection(ctx context.Context) context.Context {
	return context.WithValue(ctx, oldConnection{}, true)
}

type oldConnection struct{}

// newPool has at most limit connections to the given address. It opens none before the first
// request.
func newPool(a address, tlsConfig *tls.Config, limit int) *pool {
	p := &pool{limit: limit, scheme: a.scheme, host: a.dial, changed: make(chan struct{}, 1)}
	if a.network == "unix" {
		p.host = net.JoinHostPort(a.host(), "80") // the socket is dialled; this is for the rules of URLs
	}
	p.ctx, p.end = context.WithCancel(context.Background())
	p.transport = p.newTransport(a, tlsConfig)
	return p
}

// RoundTrip waits for room on a connection and sends the request there. The room is free again
// when the answer's body is closed.
func (p *pool) RoundTrip(req *http.Request) (*http.Response, error) {
	for {
		c, err := p.take(req.Context())
		if err != nil {
			return nil, err
		}
		began := time.Now()
		resp, err := c.RoundTrip(req)
		if err == nil {
			p.learn(c, resp.ProtoMajor)
			resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxAnswer}
			return resp, nil
		}
		if reused, ended := c.answered.Load(), c.Available() == 0; !reused || !ended || time.Since(began) > blink || req.Context().Err() != nil {
			return nil, err
		}
	}
}

// take returns a connection on which a place is reserved.
func (p *pool) take(ctx context.Context) (*pooled, error) {
	t := &waiter{old: ctx.Value(oldConnection{}) != nil, got: make(chan granted, 1)}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errPoolClosed
	}
	if !p.running {
		p.running = true
		p.loops.Go(p.run)
	}
	p.queue = append(p.queue, t)
	p.serve()
	p.mu.Unlock()

	select {
	case g := <-t.got:
		return g.conn, g.err
	case <-ctx.Done():
	}
	p.mu.Lock()
	p.queue = slices.DeleteFunc(p.queue, func(q *waiter) bool { return q == t })
	p.mu.Unlock()
	select {
	case g := <-t.got: // handed over at the last moment
		if g.conn != nil {
			g.conn.Release()
		}
	default:
	}
	return nil, fmt.Errorf("wait for a connection, %d of at most %d are open: %w", p.open(), p.limit, context.Cause(ctx))
}

// serve needs the lock. It hands places to those who wait, and opens connections for the rest.
func (p *pool) serve() {
	p.conns = slices.DeleteFunc(p.conns, func(c *pooled) bool { return c.Err() != nil })
	none := map[bool]bool{} // there is no room: for who asks for an old connection, and for who does not
	p.queue = slices.DeleteFunc(p.queue, func(t *waiter) bool {
		if none[t.old] {
			return false
		}
		c := p.pick(t.old)
		if none[t.old] = c == nil; c != nil {
			t.got <- granted{conn: c}
		}
		return c != nil
	})
	for !p.closed && p.short() && p.open() < p.limit {
		p.taken.Add(1)
		p.dials++
		p.loops.Go(p.dial)
	}
}

// short needs the lock. It says that one more connection is of use: those that are being opened are
// not enough for who waits. How many are needed is not known before the first one is there.
func (p *pool) short() bool {
	if p.room == 0 {
		first := slices.ContainsFunc(p.conns, func(c *pooled) bool { return c.Available()+c.InFlight() > 0 }) // else it is at its end
		return len(p.queue) > 0 && p.dials == 0 && !first
	}
	return len(p.queue) > p.dials*p.room
}

// pick needs the lock. It takes the oldest connection that has room, so that younger ones fall
// idle and are closed; nil if there is none. Over HTTP/1.1 one is kept for who asks for an old one.
func (p *pool) pick(old bool) *pooled {
	either := p.room > 1 || old && p.open() >= p.limit && !slices.ContainsFunc(p.conns, func(c *pooled) bool { return c.old })
	room := cmp.Or(p.room, unproven)
	for _, c := range p.conns {
		if (either || c.old == old || !c.answered.Load()) && c.InFlight() < room && c.Reserve() == nil {
			c.old, c.used = old, true
			return c
		}
	}
	return nil
}

// fail needs the lock. The first n that wait hear why they wait in vain.
func (p *pool) fail(n int, err error) {
	n = min(n, len(p.queue))
	for _, t := range p.queue[:n] {
		t.got <- granted{err: err}
	}
	p.queue = slices.Delete(p.queue, 0, n)
}

// learn takes what an answer shows of its connection for what is to be expected of all: there is
// one Consul. A connection that is full or at its end shows nothing.
func (p *pool) learn(c *pooled, protoMajor int) {
	c.answered.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	room := p.room
	if protoMajor < 2 {
		room = 1
	} else if free := c.Available(); free > 0 {
		c.room = max(c.room, free+c.InFlight())
		room = c.room
	}
	if p.room != room {
		p.room = room
		p.serve()
	}
}

// run goes on when connections have room again or are gone, and closes those that have been idle.
func (p *pool) run() {
	look := time.NewTicker(idleTime)
	defer look.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.changed:
			p.mu.Lock()
			p.serve()
			p.mu.Unlock()
		case <-look.C:
			p.closeIdle(false)
		}
	}
}

// closeIdle closes the connections without a request: all of them, or those that had none since it
// was called last.
func (p *pool) closeIdle(all bool) {
	var idle []*pooled
	p.mu.Lock()
	p.conns = slices.DeleteFunc(p.conns, func(c *pooled) bool {
		if active := c.InFlight() > 0; active || c.used && !all {
			c.used = active
			return false
		}
		idle = append(idle, c)
		return true
	})
	p.mu.Unlock()
	for _, c := range idle {
		_ = c.Close() // nobody waits for anything on it
	}
}

// forget closes the connections that nobody uses now: they may be as dead as one that was.
func (p *pool) forget() { p.closeIdle(true) }

// close ends everything, and waits for that.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.end()
	p.loops.Wait()
	p.mu.Lock()
	p.fail(len(p.queue), errPoolClosed)
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	for _, c := range conns {
		p.loops.Go(func() { _ = c.Close() }) // an end needs no success
	}
	p.loops.Wait()
}

// open is how many connections are open now, or being opened.
func (p *pool) open() int { return int(p.taken.Load()) }

// multiplexed reports whether Consul was seen to speak HTTP/2.
func (p *pool) multiplexed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.room > 1
}

// capacity is how many requests can be under way at once.
func (p *pool) capacity() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limit * max(p.room, 1)
}
