package xdsserver

import (
	"bytes"
	"net"

	"google.golang.org/grpc/codes"
)

// gRPC counts the HTTP/2 pings of a connection, sends away who pings more often than
// [Config.MinPing] allows, and tells nobody but the client: GOAWAY, which is the last frame on the
// connection.

// tooManyPings is what gRPC says to such a client, at the very end.
const tooManyPings = "too_many_pings"

// overheard is a connection whose last words are heard. They are looked for in the last bytes of
// what is written, so that a write costs no more.
type overheard struct {
	net.Conn
	excesses *excesses
}

func (o overheard) Write(b []byte) (int, error) {
	if sendsAway(b) {
		o.excesses.of(excessf(limitPings, codes.ResourceExhausted, 0, "have that client ping less often (keepalive), or lower xds.min_ping",
			"HTTP/2 pings come more often than is allowed; the connection is closed"), o.RemoteAddr().String())
	}
	return o.Conn.Write(b)
}

// sendsAway reports whether the last frame is GOAWAY for too many pings (RFC 9113, section 6.8).
func sendsAway(b []byte) bool {
	const frame = "\x00\x00\x16\x07" // length and type
	at := len(b) - (9 + 8 + len(tooManyPings))
	return bytes.HasSuffix(b, []byte(tooManyPings)) && (at < 0 || bytes.HasPrefix(b[at:], []byte(frame)))
}
