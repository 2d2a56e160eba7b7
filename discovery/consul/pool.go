package consul

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pool is the only way to Consul: an HTTP transport with a connection pool. It never has more
// connections than its limit; those that are being opened count. A connection takes one request at a
// time over HTTP/1.1, and over HTTP/2 as many as Consul says. A request that finds no room waits;
// who came first is served first.
//
// Over HTTP/2 each site has connections of its own. A question about a datacenter that hangs goes on at the agent for up to
// 40 s after nobody waits for the answer any more, and Go's server begins no more questions on a connection than it allows
// (golang.org/x/net/http2, scheduleHandler): those of others would wait behind it, unseen from here.
type pool struct {
	limit        int
	scheme, host string
	transport    *http.Transport
	taken        atomic.Int64  // connections that are open or being opened
	changed      chan struct{} // holds one; sent to when a request has ended or a connection is gone

	ctx   context.Context // ends with close
	end   context.CancelFunc
	loops sync.WaitGroup

	mu      sync.Mutex
	running bool
	closed  bool
	conns   []*pooled // open as far as is known; the oldest first
	dials   int       // connections that are being opened
	room    int       // how many requests a connection takes at once; 0: not known yet
	queue   []*waiter // in the order in which they came
}

// pooled is a connection of the pool. The pool's lock guards its plain fields.
type pooled struct {
	*http.ClientConn
	room     int         // the most requests that it was seen to take at once; 0: not seen
	old      bool        // over HTTP/1.1: reserved for requests that want an old connection
	begun    bool        // it has had a request
	of       *share      // whose requests it takes; nil: the own datacenter's
	used     bool        // it has had requests since closeIdle looked last
	answered atomic.Bool // Consul has begun to answer on it
}

// waiter is a request that waits for a connection.
type waiter struct {
	old bool         // it wants an old connection: see OnOldConnection
	of  *share       // whose it is; nil: the own datacenter's
	got chan granted // has room for one
}

// granted is a connection with a place reserved on it, or why there is none.
type granted struct {
	conn *pooled
	err  error
}

var errPoolClosed = errors.New("connections are closed")

// idleTime is how long a connection without requests is kept at least, and twice that at most.
const idleTime = 45 * time.Second

// unproven is how many requests the first connection gets before its first answer. Over HTTP/2 the
// server may not have said yet how many it allows; RFC 9113, section 6.5.2, advises it to allow at
// least 100.
const unproven = 10

// retryWithin tells two failures on a reused connection apart. A request that fails sooner was on
// its way while Consul closed the connection, so it was not heard and is sent again. One that fails
// later was heard; its caller learns of the failure.
const retryWithin = 100 * time.Millisecond

// OnOldConnection is for the canary, which has to find out whether connections that have been open
// for long still work. Over HTTP/1.1 each blocking query waits in silence on a connection of its own,
// so one old connection is kept for the canary. Over HTTP/2 all share their connections, and pings
// tell when one is dead.
func OnOldConnection(ctx context.Context) context.Context {
	return context.WithValue(ctx, oldConnection{}, true)
}

// WantsOldConnection reports whether a question is to go on an old connection.
func WantsOldConnection(ctx context.Context) bool { return ctx.Value(oldConnection{}) != nil }

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
func (p *pool) RoundTrip(req *http.Request) (*http.Response, error) { return p.roundTrip(req, nil) }

// lane is the pool for the requests of another site.
type lane struct {
	pool *pool
	of   *share
}

func (l lane) RoundTrip(req *http.Request) (*http.Response, error) {
	return l.pool.roundTrip(req, l.of)
}

func (p *pool) roundTrip(req *http.Request, of *share) (*http.Response, error) {
	for {
		c, err := p.acquire(req.Context(), of)
		if err != nil {
			return nil, err
		}
		// The next request may get the connection before this answer is looked at here, and has to know
		// that it is a reused one.
		var heard atomic.Bool
		trace := &httptrace.ClientTrace{GotFirstResponseByte: func() { heard.Store(true); c.answered.Store(true) }}
		began := time.Now()
		resp, err := c.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
		if err == nil {
			p.learn(c, resp.ProtoMajor)
			resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxAnswer}
			return resp, nil
		}
		reused, ended := c.answered.Load() && !heard.Load(), c.Available() == 0
		if !reused || !ended || time.Since(began) > retryWithin || req.Context().Err() != nil {
			return nil, err
		}
	}
}

// acquire returns a connection on which a place is reserved.
func (p *pool) acquire(ctx context.Context, of *share) (*pooled, error) {
	t := &waiter{old: WantsOldConnection(ctx), of: of, got: make(chan granted, 1)}
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
	type kind struct {
		old bool
		of  *share
	}
	none := map[kind]bool{} // there is no room for these
	p.queue = slices.DeleteFunc(p.queue, func(t *waiter) bool {
		k := kind{t.old, t.of}
		if none[k] {
			return false
		}
		c := p.reserve(t)
		if none[k] = c == nil; c != nil {
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

// short needs the lock. It says that one more connection is needed: those that are being opened
// are not enough for all that wait. Until the first connection has said how many requests it takes,
// one is opened at a time.
func (p *pool) short() bool {
	if p.room == 0 {
		first := slices.ContainsFunc(p.conns, func(c *pooled) bool { return c.Available()+c.InFlight() > 0 }) // else it is at its end
		return len(p.queue) > 0 && p.dials == 0 && !first
	}
	waiting, needed := map[*share]int{}, 0
	for _, t := range p.queue {
		if waiting[t.of]%p.room == 0 {
			needed++
		}
		waiting[t.of]++
	}
	return needed > p.dials
}

// reserve needs the lock. It reserves a place on the oldest connection that has room, so that younger
// ones fall idle and are closed; nil if none has room. Over HTTP/1.1 the old connection is kept for
// those who want it. Where no more connections may be opened, one takes the requests of others rather than none.
func (p *pool) reserve(t *waiter) *pooled {
	if c := p.reserveOf(t, false); c != nil || p.open() < p.limit || p.dials > 0 { // else one may come yet
		return c
	}
	return p.reserveOf(t, true)
}

func (p *pool) reserveOf(t *waiter, anybodys bool) *pooled {
	either := p.room > 1 || t.old && p.open() >= p.limit && !slices.ContainsFunc(p.conns, func(c *pooled) bool { return c.old })
	room := cmp.Or(p.room, unproven)
	for _, c := range p.conns {
		theirs := anybodys || !c.begun || c.of == t.of || p.room == 1
		if theirs && (either || c.old == t.old || !c.answered.Load()) && c.InFlight() < room && c.Reserve() == nil {
			if !c.begun {
				c.begun, c.of = true, t.of
			}
			c.old, c.used = t.old, true
			return c
		}
	}
	return nil
}

// fail needs the lock. It gives the error to the first n that wait.
func (p *pool) fail(n int, err error) {
	n = min(n, len(p.queue))
	for _, t := range p.queue[:n] {
		t.got <- granted{err: err}
	}
	p.queue = slices.Delete(p.queue, 0, n)
}

// learn notes how many requests a connection takes, as an answer on it shows. That holds for all
// connections, since all lead to the same Consul. A connection that is full or closing shows nothing.
func (p *pool) learn(c *pooled, protoMajor int) {
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
