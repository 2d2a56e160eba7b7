package listen

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
)

// Encrypted is a listener whose connections speak TLS, without an http.Server's knowing: to that they are in
// the clear, and what it reads of them can be looked at (see EmptyFrames). The server has to serve HTTP/2 in the
// clear, as the certificates' configuration offers it. failed hears of clients that did not get past TLS: no
// certificate, a foreign one, one without an allowed name, or no TLS at all. Who only looked whether the port is open
// is none.
func Encrypted(l net.Listener, config *tls.Config, failed func(from net.Addr, err error)) net.Listener {
	return encrypted{l, config, failed}
}

type encrypted struct {
	net.Listener
	config *tls.Config
	failed func(net.Addr, error)
}

// Accept returns the next connection. Its handshake is that of its first read.
func (e encrypted) Accept() (net.Conn, error) {
	conn, err := e.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &hidden{Conn: tls.Server(conn, e.config), failed: e.failed}, nil
}

// hidden is a connection that does not show that it is one of TLS. It belongs to who reads.
type hidden struct {
	net.Conn // *tls.Conn
	failed   func(net.Addr, error)
	over     bool
}

func (h *hidden) Read(b []byte) (int, error) {
	if !h.over {
		h.over = true
		if err := h.Conn.(*tls.Conn).Handshake(); err != nil {
			h.fail(err)
			return 0, err
		}
	}
	return h.Conn.Read(b)
}

func (h *hidden) fail(err error) {
	if errors.Is(err, io.EOF) {
		return
	}
	h.failed(h.RemoteAddr(), err)
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) && plain.Conn != nil { // most likely HTTP
		_, _ = io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nHTTPS is spoken here\n")
	}
}
