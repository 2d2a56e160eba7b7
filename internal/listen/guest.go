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

// A connection is opened with what holds then, and may stay for long. Clients that would not get in
// any more, since their certificate has expired or its authority was removed, are sent away.

// guest is a connection whose client proves who it is.
type guest struct {
	net.Conn
	of *Credentials

	// Of these the lock of the credentials is held.
	outer  net.Conn // what the rest of the program knows it by; nil: it has proved nothing yet
	closed bool
	*proof
}

// proof is what a client showed.
type proof struct {
	chain []*x509.Certificate
	under *x509.CertPool // the authorities that it was judged by last
	until time.Time      // when that ends
}

// proofOf is what a client showed in a handshake, if it is good by the authorities. One that resumes
// a session is judged anew.
func proofOf(s tls.ConnectionState, authorities *x509.CertPool, now time.Time) (*proof, error) {
	p := &proof{chain: s.PeerCertificates}
	if !s.DidResume {
		p.isGood(authorities, s.VerifiedChains)
	}
	return p, p.judge(authorities, now)
}

// isGood notes by which authorities the client's certificate is good, and until when.
func (p *proof) isGood(authorities *x509.CertPool, chains [][]*x509.Certificate) {
	p.under, p.until = authorities, time.Time{}
	for _, chain := range chains {
		if end := endOf(chain); end.After(p.until) {
			p.until = end
		}
	}
}

// judge is an error if a client's certificate is good no longer. It is looked at anew only if the
// authorities are others.
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

// endOf is when the first certificate of a chain ends.
func endOf(chain []*x509.Certificate) time.Time {
	end := chain[0].NotAfter
	for _, c := range chain {
		if c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	return end
}

// Guard returns a listener whose clients are looked at again by [Credentials.Run]: the listener itself
// where none has to show a certificate. What it accepts may be wrapped by what has a method NetConn
// that leads back to it.
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

// SyscallConn is the connection's, so that the system can be asked about it.
func (g *guest) SyscallConn() (syscall.RawConn, error) {
	if c, ok := g.Conn.(syscall.Conn); ok {
		return c.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// Close ends the connection, and forgets it.
func (g *guest) Close() error {
	g.of.mu.Lock()
	g.closed = true
	delete(g.of.guests, g)
	g.of.mu.Unlock()
	return g.Conn.Close()
}

// remember keeps what was shown on a connection, if it comes from a listener that is guarded.
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

// Run looks again and again whether the clients that are connected may be still, until the context is
// done. Those that may not are told of, and their connections closed.
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
		_ = l.conn.Close() // it is of no use any more
	}
}
