package xdsserver

import (
	"errors"
	"io"
	"net"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
)

// gate lets in no more connections than the limits allow. It stands before TLS, so that who is
// refused costs nothing but the accept.
type gate struct {
	net.Listener
	*admission
}

// Accept returns the next connection that is let in.
func (g gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		out, refused := g.connect(conn.RemoteAddr())
		if refused == nil {
			return &connection{Conn: conn, out: sync.OnceFunc(out)}, nil
		}
		g.excesses.of(refused, conn.RemoteAddr().String())
		_ = conn.Close() // nothing was said on it
	}
}

// connection counts itself out when it is closed.
type connection struct {
	net.Conn
	out func()
}

func (c *connection) Close() error {
	defer c.out()
	return c.Conn.Close()
}

// connect counts a connection in, and returns what counts it out.
func (a *admission) connect(from net.Addr) (out func(), err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.connections >= a.limits.Connections {
		return nil, excessf(limitConnections, codes.ResourceExhausted, 0, "raise xds.max_connections if these are clients of yours, or run another Legate beside it", "too many connections")
	}
	v := a.visitor(addressOf(from))
	if v.connections >= a.limits.ConnectionsPerAddress {
		return nil, excessf(limitConnectionsPerAddress, codes.ResourceExhausted, 0, "raise xds.max_connections_per_address if many clients share an address", "too many connections from this address")
	}
	v.connections++
	a.connections++
	a.sized(a.connections)
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		v.connections--
		a.connections--
		a.sized(a.connections)
	}, nil
}

// handshakes counts the clients that did not get past TLS: no certificate, a foreign one, or one
// whose names are not allowed.
type handshakes struct {
	credentials.TransportCredentials
	excesses *excesses
}

func (h handshakes) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := h.TransportCredentials.ServerHandshake(raw)
	if err != nil && !errors.Is(err, io.EOF) { // who only looked whether the port is open
		h.excesses.count(limitHandshake, raw.RemoteAddr().String(), err.Error(), "look at that client's certificate and authorities, and at --tls-client-ca and --tls-allowed-san")
	}
	return conn, info, err
}

func (h handshakes) Clone() credentials.TransportCredentials {
	return handshakes{h.TransportCredentials.Clone(), h.excesses}
}
