package consul

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// newTransport makes connections to one address; their end is told to the pool.
func (p *pool) newTransport(a address, tlsConfig *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, a.network, a.dial)
			if err != nil {
				p.release()
				return nil, err
			}
			return &socket{Conn: c, closed: sync.OnceFunc(p.release)}, nil
		},
		TLSClientConfig:     tlsConfig,
		ForceAttemptHTTP2:   tlsConfig != nil,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 10 * time.Second},
		DisableCompression:  true, // it costs Consul, which is near, more than it saves
		TLSHandshakeTimeout: 10 * time.Second,
	}
}

// socket is a connection whose end is told.
type socket struct {
	net.Conn
	closed func() // may be called more than once
}

func (s *socket) Close() error {
	defer s.closed()
	return s.Conn.Close()
}

func (p *pool) release() {
	p.taken.Add(-1)
	notify(p.changed)
}

// dial opens a connection. If that fails, so do as many requests as it would have taken.
func (p *pool) dial() {
	cc, err := p.transport.NewClientConn(p.ctx, p.scheme, p.host)
	if err == nil {
		p.awaitSettings(cc)
		err = cc.Err() // it may be closed already
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dials--
	if err != nil {
		p.fail(cmp.Or(p.room, len(p.queue)), err)
	} else {
		p.conns = append(p.conns, &pooled{ClientConn: cc, used: true})
		if cc.Available() == 1 { // HTTP/1.1; how much HTTP/2 allows, the first answer shows
			p.room = 1
		}
		cc.SetStateHook(func(*http.ClientConn) { notify(p.changed) })
	}
	p.serve()
}

// awaitSettings waits until Consul has said how many requests it allows on a new connection, since more
// than one were opened otherwise for what fits on one. That it says nothing new cannot be told from
// that it has not spoken yet, so the wait is short.
func (p *pool) awaitSettings(cc *http.ClientConn) {
	p.mu.Lock()
	usual := p.room
	p.mu.Unlock()
	if cc.Available() == 1 || cc.Available() >= usual { // the first is HTTP/1.1
		return
	}
	said := make(chan struct{}, 1)
	cc.SetStateHook(func(*http.ClientConn) { notify(said) })
	select {
	case <-said:
	case <-time.After(time.Second):
	case <-p.ctx.Done():
	}
}

// notify wakes who waits on a channel that holds one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
