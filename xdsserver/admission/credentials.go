package admission

import (
	"errors"
	"io"
	"net"

	"google.golang.org/grpc/credentials"
)

// Credentials returns a gRPC server's credentials that also count failed TLS handshakes: no certificate, an untrusted
// one, or one without an allowed name. The connections of those that succeed are watched for what gRPC reports to
// nobody: pings and empty frames.
func (l *Limiter) Credentials(inner credentials.TransportCredentials) credentials.TransportCredentials {
	return handshakes{inner, l}
}

type handshakes struct {
	credentials.TransportCredentials
	limiter *Limiter
}

func (h handshakes) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := h.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		if !errors.Is(err, io.EOF) { // who only looked whether the port is open
			h.limiter.handshakeFailed(raw.RemoteAddr(), err)
		}
		return nil, nil, err
	}
	return &pinged{Conn: h.limiter.emptyFrames(false).Limit(conn), refusals: h.limiter.refusals}, info, nil
}

func (h handshakes) Clone() credentials.TransportCredentials {
	return handshakes{h.TransportCredentials.Clone(), h.limiter}
}

func (l *Limiter) handshakeFailed(from net.Addr, err error) {
	l.refusals.Count(LimitHandshake, from.String(), err.Error(), "look at that client's certificate and authorities, and at --tls-client-ca and --tls-allowed-san")
}

// CertificateEnds counts a client whose connection is closed because its certificate is good no longer.
func (l *Limiter) CertificateEnds(client net.Addr, why error) {
	l.refusals.Count(LimitCertificate, remote{Addr: client}.String(), why.Error(),
		"renew that client's certificate, by an authority of --tls-client-ca; nothing, if that was removed on purpose")
}
