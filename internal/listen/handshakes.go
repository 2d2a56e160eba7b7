package listen

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
)

// Handshakes is an http.Server's ConnState that tells of clients that did not get past TLS: no
// certificate, a foreign one, one without an allowed name, or no TLS at all. Who only looked whether
// the port is open is none.
func Handshakes(failed func(from net.Addr, err error)) func(net.Conn, http.ConnState) {
	return func(c net.Conn, state http.ConnState) {
		conn, speaks := c.(*tls.Conn)
		if !speaks || state != http.StateClosed || conn.ConnectionState().HandshakeComplete {
			return
		}
		if err := conn.Handshake(); err != nil && !errors.Is(err, io.EOF) { // it is over: this is how it ended
			failed(c.RemoteAddr(), err)
		}
	}
}
