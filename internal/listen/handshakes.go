package listen

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
)

// Handshakes returns a ConnState for an http.Server that reports failed TLS handshakes: no
// certificate, an untrusted one, one without an allowed name, or no TLS at all. A client that only
// probes the port is not reported.
func Handshakes(failed func(from net.Addr, err error)) func(net.Conn, http.ConnState) {
	return func(c net.Conn, state http.ConnState) {
		conn, speaks := c.(*tls.Conn)
		if !speaks || state != http.StateClosed || conn.ConnectionState().HandshakeComplete {
			return
		}
		if err := conn.Handshake(); err != nil && !errors.Is(err, io.EOF) { // it has ended: this returns its result
			failed(c.RemoteAddr(), err)
		}
	}
}
