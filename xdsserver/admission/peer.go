package admission

import (
	"context"
	"crypto/x509"
	"net"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"legate/internal/listen"
)

// Peer is what is certain about the client of a stream: its address and its certificate.
type Peer struct {
	HostPort string // for logs
	Address  string // what counts as one address
	Identity string // the name in the client's certificate; empty without one
	IsLocal  bool   // it is on this machine
}

// PeerOf returns the peer of a stream's context.
func PeerOf(ctx context.Context) Peer {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return Peer{}
	}
	o := Peer{HostPort: p.Addr.String(), Address: addressOf(p.Addr), IsLocal: listen.IsLocal(underlying(p.Addr))}
	if t, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(t.State.VerifiedChains) > 0 {
		o.Identity = identityOf(t.State.VerifiedChains[0][0])
	}
	return o
}

// identityOf is the name that a certificate gives its owner: a URI before a DNS name, since it
// names a workload and not a host, before the subject.
func identityOf(c *x509.Certificate) string {
	switch {
	case len(c.URIs) > 0:
		return c.URIs[0].String()
	case len(c.DNSNames) > 0:
		return c.DNSNames[0]
	}
	return c.Subject.String()
}

// addressOf is what counts as one address.
func addressOf(a net.Addr) string { return listen.Address(underlying(a)) }

// underlying is the network's own address.
func underlying(a net.Addr) net.Addr {
	if r, ok := a.(remote); ok {
		return r.Addr
	}
	return a
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
