package xdsserver

import (
	"context"
	"crypto/x509"
	"net"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"legate/internal/listen"
)

// peerInfo is what is certain about the client of a stream: its address and its certificate.
type peerInfo struct {
	peer     string // host:port, for logs
	address  string // what counts as one address
	identity string // the name in the client's certificate; empty without one
}

// peerOf reads it from the context of a stream.
func peerOf(ctx context.Context) peerInfo {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return peerInfo{}
	}
	o := peerInfo{peer: p.Addr.String(), address: addressOf(p.Addr)}
	if t, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(t.State.VerifiedChains) > 0 {
		o.identity = identityOf(t.State.VerifiedChains[0][0])
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
func addressOf(a net.Addr) string {
	if r, ok := a.(remote); ok {
		a = r.Addr
	}
	return listen.Address(a)
}
