package xdsserver

import (
	"errors"
	"io"
	"net"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"

	"legate/internal/listen"
	"legate/xdsserver/admission"
)

// gate is a listener that admits no more connections than the limits allow. It comes before TLS, so a refused
// connection costs no more than its accept.
type gate struct {
	net.Listener
	*limiter
}

// Accept returns the next connection that is admitted.
func (g gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c, held, refused := g.connect(conn)
		if refused == nil {
			return c, nil
		}
		g.refusals.Of(refused, remote{Addr: conn.RemoteAddr()}.String())
		if !held {
			_ = conn.Close() // nothing was said on it
		}
	}
}

// connect admits a connection, or returns a limit error. If held, the refused connection is in the penalty queue, and must
// not be closed yet.
func (a *limiter) connect(conn net.Conn) (c *connection, held bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.connections >= a.limits.Connections {
		return nil, false, admission.Refuse(admission.LimitConnections, codes.ResourceExhausted, 0, "raise xds.max_connections if these are clients of yours, or run another Legate beside it", "too many connections")
	}
	v := a.visitor(addressOf(conn.RemoteAddr()))
	if v.connections >= a.limits.ConnectionsPerAddress {
		return nil, false, admission.Refuse(admission.LimitConnectionsPerAddress, codes.ResourceExhausted, 0, "raise xds.max_connections_per_address if many clients share an address", "too many connections from this address")
	}
	if err := a.budget.Take(&v.share, admission.HeldConnections, admission.ConnectionBytes); err != nil {
		return nil, false, err
	}
	v.connections++
	a.connections++
	a.sized(a.connections)
	now := a.now()
	wait, ok := v.penalty.turn(now, min(penaltyWait, a.limits.NewStreamWait))
	if !ok {
		v.penalty.away = append(v.penalty.away, waiting{conn, now})
		a.sendAway(v, now.Add(-a.limits.NewStreamWait))
		return nil, true, admission.Refuse(admission.LimitReturns, codes.Unavailable, 0,
			admission.LookAtClient+": its address had a connection closed for refused streams less than a minute ago",
			"too many connections from an address whose clients do not wait when they are refused")
	}
	return &connection{
		Conn: conn, within: a, visitor: v, wait: wait, closed: make(chan struct{}), refused: refusalPace(&a.limits, 1), hasty: refusalPace(&a.limits, 1),
	}, false, nil
}

// disconnect undoes connect.
func (a *limiter) disconnect(v *visitor) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sub(v)
}

// sub removes a connection from all counts. The lock is held.
func (a *limiter) sub(v *visitor) {
	v.connections--
	a.connections--
	a.budget.Give(&v.share, admission.HeldConnections, admission.ConnectionBytes)
	a.sized(a.connections)
}

// CertificateEnds counts a client whose connection is closed because its certificate is good no longer.
func (s *Server) CertificateEnds(client net.Addr, why error) {
	s.refusals.Count(admission.LimitCertificate, remote{Addr: client}.String(), why.Error(),
		"renew that client's certificate, by an authority of --tls-client-ca; nothing, if that was removed on purpose")
}

// handshakes counts failed TLS handshakes: no certificate, an untrusted one, or one without an allowed name. The
// connections of those that succeed are watched for what gRPC reports to nobody: pings and empty frames.
type handshakes struct {
	credentials.TransportCredentials
	refusals *admission.Refusals
	limits   admission.Limits
}

const remedyHandshake = "look at that client's certificate and authorities, and at --tls-client-ca and --tls-allowed-san"

func (h handshakes) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := h.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		if !errors.Is(err, io.EOF) { // who only looked whether the port is open
			h.refusals.Count(admission.LimitHandshake, raw.RemoteAddr().String(), err.Error(), remedyHandshake)
		}
		return nil, nil, err
	}
	return &overheard{Conn: emptyFrames(h.refusals, h.limits, false).Limit(conn), refusals: h.refusals}, info, nil
}

func (h handshakes) Clone() credentials.TransportCredentials {
	return handshakes{h.TransportCredentials.Clone(), h.refusals, h.limits}
}

// emptyFrames bounds HTTP/2 frames that carry nothing.
func emptyFrames(e *admission.Refusals, limits admission.Limits, pings bool) listen.EmptyFrames {
	return listen.EmptyFrames{PerSecond: limits.EmptyFrames, Pings: pings, Refused: func(from net.Addr) error {
		refused := admission.Refuse(admission.LimitEmptyFrames, codes.ResourceExhausted, 0, admission.LookAtClient+", or raise xds.empty_frames_per_second",
			"too many HTTP/2 frames with nothing in them (SETTINGS, DATA without data, and the like); the connection is closed")
		e.Of(refused, from.String())
		return refused
	}}
}
