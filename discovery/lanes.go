package discovery

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// streamsPerLane is how many requests share one HTTP/2 connection. Consul's server allows 250;
// more than that would queue behind each other without a word.
const streamsPerLane = 200

// maxAnswer bounds one answer's size in bytes. A health answer takes about 1 KB an instance.
const maxAnswer = 256 << 20

// lanes is the only way to Consul: a transport that never has more connections than its limit.
// Each lane is one connection. Over HTTP/1.1 it carries one request at a time; once an answer
// came over HTTP/2 it carries many. A request for which there is no room waits for its turn.
type lanes struct {
	limit int
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	tls   *tls.Config

	mu    sync.Mutex
	all   []*lane
	room  int          // requests that fit on one lane, as far as known
	queue []chan *lane // waiting requests, the first come first

	connsMu sync.Mutex
	conns   map[*laneConn]struct{} // open now
}

type lane struct {
	transport *http.Transport
	used      int
	old       bool // its connection is for those who ask for an old one
}

// onOldConnection is for a request that is to find out whether connections that are open work. Over
// HTTP/2 they do, or their pings tell; over HTTP/1.1, where each watch has a connection of its own
// and waits on it in silence, it takes one that has been open for long.
func onOldConnection(ctx context.Context) context.Context {
	return context.WithValue(ctx, oldConnection{}, true)
}

type oldConnection struct{}

// newLanes has at most limit connections to the given address.
func newLanes(a address, tlsConfig *tls.Config, limit int) *lanes {
	l := &lanes{limit: limit, tls: tlsConfig, room: 1, conns: map[*laneConn]struct{}{}}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}
	l.dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, a.network, a.dial)
		if err != nil {
			return nil, err
		}
		c := &laneConn{Conn: conn, lanes: l}
		l.connsMu.Lock()
		defer l.connsMu.Unlock()
		l.conns[c] = struct{}{}
		return c, nil
	}
	return l
}

// multiplexed reports whether Consul was seen to speak HTTP/2.
func (l *lanes) multiplexed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.room > 1
}

// capacity is how many requests can be under way at once.
func (l *lanes) capacity() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.limit * l.room
}

// RoundTrip waits for a lane and sends the request on it. The lane is free again when the
// answer's body is closed.
func (l *lanes) RoundTrip(req *http.Request) (*http.Response, error) {
	lane, err := l.take(req.Context())
	if err != nil {
		return nil, err
	}
	resp, err := lane.transport.RoundTrip(req)
	if err != nil {
		l.free(lane)
		return nil, err
	}
	l.learn(resp.ProtoMajor)
	resp.Body = &laneBody{body: resp.Body, left: maxAnswer, free: sync.OnceFunc(func() { l.free(lane) })}
	return resp, nil
}

// take hands out the fullest lane that has room, so that the others may fall idle and close.
func (l *lanes) take(ctx context.Context) (*lane, error) {
	l.mu.Lock()
	if got := l.pick(ctx.Value(oldConnection{}) != nil); got != nil {
		l.mu.Unlock()
		return got, nil
	}
	turn := make(chan *lane, 1)
	l.queue = append(l.queue, turn)
	l.mu.Unlock()

	select {
	case got := <-turn:
		return got, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	for i, q := range l.queue {
		if q == turn {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
			break
		}
	}
	l.mu.Unlock()
	select {
	case got := <-turn: // handed over at the last moment
		l.free(got)
	default:
	}
	return nil, fmt.Errorf("wait for one of %d connections: %w", l.limit, context.Cause(ctx))
}

// pick needs the lock. It returns nil if every lane is full.
func (l *lanes) pick(old bool) *lane {
	var best *lane
	for _, lane := range l.all {
		fits := lane.used < l.room && (lane.old == old || l.room > 1)
		if fits && (best == nil || lane.used > best.used) {
			best = lane
		}
	}
	if best == nil && len(l.all) < l.limit {
		best = &lane{transport: l.newTransport(), old: old}
		l.all = append(l.all, best)
	}
	if best != nil {
		best.used++
	}
	return best
}

func (l *lanes) newTransport() *http.Transport {
	return &http.Transport{
		DialContext:         l.dial,
		TLSClientConfig:     l.tls.Clone(),
		ForceAttemptHTTP2:   l.tls != nil,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 10 * time.Second},
		DisableCompression:  true, // it costs Consul, which is near, more than it saves
		MaxConnsPerHost:     1,
		MaxIdleConnsPerHost: 1,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
	}
}

func (l *lanes) free(used *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	used.used--
	l.serve()
}

// serve needs the lock. It hands free places to those who wait.
func (l *lanes) serve() {
	for len(l.queue) > 0 {
		lane := l.pick(false)
		if lane == nil {
			return
		}
		l.queue[0] <- lane
		l.queue = l.queue[1:]
	}
}

// learn takes the protocol of the last answer for that of all lanes: there is one Consul.
func (l *lanes) learn(protoMajor int) {
	room := 1
	if protoMajor >= 2 {
		room = streamsPerLane
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.room != room {
		l.room = room
		l.serve()
	}
}

// open is how many connections are open now.
func (l *lanes) open() int {
	l.connsMu.Lock()
	defer l.connsMu.Unlock()
	return len(l.conns)
}

// forget closes the connections that nobody uses now: they may be as dead as one that was.
func (l *lanes) forget() {
	l.mu.Lock()
	all := slices.Clone(l.all)
	l.mu.Unlock()
	for _, lane := range all {
		lane.transport.CloseIdleConnections()
	}
}

// close drops all connections. It is for the end, when no request is under way: an HTTP/2
// connection whose last request was cut off would stay open until it has been idle for long.
func (l *lanes) close() {
	l.connsMu.Lock()
	conns := slices.Collect(maps.Keys(l.conns))
	l.connsMu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

type laneConn struct {
	net.Conn
	lanes *lanes
}

func (c *laneConn) Close() error {
	c.lanes.connsMu.Lock()
	delete(c.lanes.conns, c)
	c.lanes.connsMu.Unlock()
	return c.Conn.Close()
}

// laneBody frees its lane when it is closed, and refuses to read without end.
type laneBody struct {
	body io.ReadCloser
	left int64
	free func()
}

func (b *laneBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("answer is larger than %d bytes", int64(maxAnswer))
	}
	n, err := b.body.Read(p)
	b.left -= int64(n)
	return n, err
}

func (b *laneBody) Close() error {
	defer b.free()
	return b.body.Close()
}
