package xdsclient

import (
	"crypto/tls"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

// Config says whom to ask, and as who.
type Config struct {
	// Address is host:port, or unix:///path.
	Address string
	// TLS makes the settings for each new connection, so renewed certificates count; nil: plaintext.
	TLS func() (*tls.Config, error)
	// Node is who the client says it is.
	Node *corev3.Node
	// Names are the services to subscribe to; none: all.
	Names []string
	// MaxBytes bounds the encoded resources that are held.
	MaxBytes int
	// Backoff is the first pause before the client connects again. It doubles with each failure, up to
	// MaxBackoff.
	Backoff, MaxBackoff time.Duration
}

// DefaultConfig is complete but for Address and Node.
func DefaultConfig() Config {
	return Config{MaxBytes: 512 << 20, Backoff: time.Second, MaxBackoff: 30 * time.Second}
}

// maxResponse is how large a response may be. Legate splits its own far below; one resource alone can be
// larger.
const maxResponse = 64 << 20

// target is an address in gRPC's words: names are looked up by whoever connects, for each connection.
func target(address string) string {
	if strings.HasPrefix(address, "unix:") {
		return address
	}
	return "passthrough:///" + address
}
