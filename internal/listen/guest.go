package listen

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// A connection is admitted once and may stay open for long. Clients that would no longer be
// admitted, because their certificate has expired or its authority was removed, are disconnected.

// guest is a connection whose client must show a certificate.
type guest struct {
	net.Conn
	of *Credentials

	// These are guarded by the lock of the credentials.
	outer  net.Conn // the connection that the rest of the program uses; nil: before the handshake
	closed bool
	*proof
}

// proof is what a client showed in its handshake.
type proof struct {
	chain []*x509.Certificate
	under *x509.CertPool // the authorities of the last check
	until time.Time      // when the proof expires
}

// proofOf returns what a client showed in a handshake, if the authorities accept it. A resumed
// session is verified anew.
func proofOf(s tls.ConnectionState, authorities *x509.CertPool, now time.Time) (*proof, error) {
	p := &proof{chain: s.PeerCertificates}
	if !s.DidResume {
		p.isGood(authorities, s.VerifiedChains)
	}
	return p, p.judge(authorities, now)
}

// isGood records which authorities accept the client's certificate, and until when.
func (p *proof) isGood(authorities *x509.CertPool, chains [][]*x509.Certificate) {
	p.under, p.until = authorities, time.Time{}
	for _, chain := range chains {
		if end := endOf(chain); end.After(p.until) {
			p.until = end
		}
	}
}

// judge returns an error if a client's certificate is no longer good. The certificate is verified
// again only if the authorities have changed.
func (p *proof) judge(authorities *x509.CertPool, now time.Time) error {
	if len(p.chain) == 0 {
		return errors.New("the client has shown no certificate")
	}
	if p.under == nil || !p.under.Equal(authorities) {
		between := x509.NewCertPool()
		for _, c := range p.chain[1:] {
			between.AddCert(c)
		}
		chains, err := p.chain[0].Verify(x509.VerifyOptions{
			Roots: authorities, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		})
		if err != nil {
			return fmt.Errorf("the client's certificate is good no longer: %w", err)
		}
		p.isGood(authorities, chains)
	}
	if now.After(p.until) {
		return fmt.Errorf("the client's certificate expired at %s", p.until.UTC().Format(time.RFC3339))
	}
	return nil
}

// endOf returns when the first certificate of a chain expires.
func endOf(chain []*x509.Certificate) time.Time {
	end := chain[0].NotAfter
	for _, c := range chain {
		if c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	return end
}

// Guard returns a listener whose clients [Credentials.Run] checks again; l itself if clients need
// no certificate. Accepted connections may be wrapped, if each wrapper has a method NetConn that
// leads to the inner connection.
func (c *Credentials) Guard(l net.Listener) net.Listener {
	if c == nil || l == nil || c.tls.ClientCAFile == "" {
		return l
	}
	return guarded{l, c}
}

type guarded struct {
	net.Listener
	of *Credentials
}

// Accept returns the next connection.
func (g guarded) Accept() (net.Conn, error) {
	conn, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &guest{Conn: conn, of: g.of}, nil
}

// SyscallConn gives access to the connection's file descriptor.
func (g *guest) SyscallConn() (syscall.RawConn, error) {
	if c, ok := g.Conn.(syscall.Conn); ok {
		return c.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// Close closes and forgets the connection.
func (g *guest) Close() error {
	g.of.mu.Lock()
	g.closed = true
	delete(g.of.guests, g)
	g.of.mu.Unlock()
	return g.Conn.Close()
}

// remember stores what was shown on a connection of a guarded listener.
func (c *Credentials) remember(conn net.Conn, p *proof) {
	for inner := conn; inner != nil; {
		switch is := inner.(type) {
		case *guest:
			c.mu.Lock()
			defer c.mu.Unlock()
			is.outer, is.proof = conn, p
			if !is.closed {
				c.guests[is] = struct{}{}
			}
			return
		case interface{ NetConn() net.Conn }:
			inner = is.NetConn()
		default:
			return
		}
	}
}

// Run checks the connected clients repeatedly until the context is done. It closes the connections
// of those that are no longer admitted, and calls tell for each.
func (c *Credentials) Run(ctx context.Context, tell func(client net.Addr, why error)) {
	if c == nil || c.tls.ClientCAFile == "" {
		return
	}
	tick := time.NewTicker(c.tls.Recheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.recheck(tell)
		}
	}
}

func (c *Credentials) recheck(tell func(client net.Addr, why error)) {
	authorities := c.made.Now().ClientCAs
	type leaver struct {
		conn net.Conn
		why  error
	}
	var leave []leaver
	now := c.now()
	c.mu.Lock()
	for g := range c.guests {
		if err := g.judge(authorities, now); err != nil {
			leave = append(leave, leaver{g.outer, err})
		}
	}
	c.mu.Unlock()
	for _, l := range leave {
		tell(l.conn.RemoteAddr(), l.why)
		_ = l.conn.Close() // its errors no longer matter
	}
}
