package admission

import (
	"bytes"
	"net"

	"google.golang.org/grpc/codes"
)

// gRPC itself closes the connection of a client that pings more often than the server's keepalive policy allows, with a
// GOAWAY frame. It tells only the client. To count such clients, and to name them, that frame is looked for in what is
// written to the connection.

// tooManyPings is the debug data of that frame, which ends it.
const tooManyPings = "too_many_pings"

// pinged is a connection on which writes are searched for that frame. It is the last one of a connection, so only the
// end of each write is looked at.
type pinged struct {
	net.Conn
	refusals *Refusals
}

func (p *pinged) Write(b []byte) (int, error) {
	if endsForPings(b) {
		p.refusals.Of(Refuse(LimitPings, codes.ResourceExhausted, 0, "have that client ping less often (keepalive), or lower xds.min_ping",
			"HTTP/2 pings come more often than is allowed; the connection is closed"), p.RemoteAddr().String())
	}
	return p.Conn.Write(b)
}

// endsForPings reports whether the last frame of a write is GOAWAY for too many pings (RFC 9113, section 6.8).
func endsForPings(b []byte) bool {
	const frame = "\x00\x00\x16\x07" // length and type
	at := len(b) - (9 + 8 + len(tooManyPings))
	return bytes.HasSuffix(b, []byte(tooManyPings)) && (at < 0 || bytes.HasPrefix(b[at:], []byte(frame)))
}
