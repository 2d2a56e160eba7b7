package admission

import (
	"crypto/tls"
	"net"

	"google.golang.org/grpc/codes"

	"legate/internal/listen"
)

// Listen returns a listener that admits connections. It comes before TLS, so a refused connection costs no more than its
// accept.
func (l *Limiter) Listen(inner net.Listener) net.Listener { return listener{inner, l} }

type listener struct {
	net.Listener
	limiter *Limiter
}

// Accept returns the next connection that is admitted.
func (l listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c, queued, refused := l.limiter.connect(conn)
		if refused == nil {
			return c, nil
		}
		l.limiter.refusals.Of(refused, remote{Addr: conn.RemoteAddr()}.String())
		if !queued {
			_ = conn.Close() // nothing was said on it
		}
	}
}

// ListenREST returns a listener that admits connections over REST, with TLS unless config is nil. Their HTTP/2 frames
// are counted.
func (l *Limiter) ListenREST(inner net.Listener, config *tls.Config) net.Listener {
	inner = l.Listen(l.boundREST(inner))
	if config != nil {
		inner = listen.Encrypted(inner, config, l.handshakeFailed)
	}
	return framed{inner, l.emptyFrames(true)}
}

// boundREST keeps connections over REST that only stay open from taking the room of those over gRPC. Of clients on this
// machine there may be as many as of others: they are clients like them.
func (l *Limiter) boundREST(inner net.Listener) net.Listener {
	most := l.limits.RESTConnections
	bounds := listen.Bounds{Connections: most, PerAddress: min(l.limits.ConnectionsPerAddress, most)}
	return listen.Bounded(inner, bounds, func(why listen.Refusal, from net.Addr) {
		detail := "too many connections over REST, and none that is silent"
		if why == listen.Displaced {
			detail = "a silent connection over REST was closed, since there was no room for a new one"
		}
		l.refusals.Count(LimitRESTConnections, remote{Addr: from}.String(), detail, "raise xds.max_rest_connections if these are clients of yours")
	})
}

// framed is a listener whose connections have their HTTP/2 frames counted.
type framed struct {
	net.Listener
	within listen.EmptyFrames
}

// Accept returns the next connection.
func (f framed) Accept() (net.Conn, error) {
	conn, err := f.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return f.within.Limit(conn), nil
}

// emptyFrames bounds HTTP/2 frames that carry nothing.
func (l *Limiter) emptyFrames(pings bool) listen.EmptyFrames {
	return listen.EmptyFrames{PerSecond: l.limits.EmptyFrames, Pings: pings, Refused: func(from net.Addr) error {
		refused := Refuse(LimitEmptyFrames, codes.ResourceExhausted, 0, LookAtClient+", or raise xds.empty_frames_per_second",
			"too many HTTP/2 frames with nothing in them (SETTINGS, DATA without data, and the like); the connection is closed")
		l.refusals.Of(refused, from.String())
		return refused
	}}
}
