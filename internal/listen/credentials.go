package listen

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"legate/internal/files"
)

// Credentials are the certificates that a listener's handshakes use, kept up to date.
type Credentials struct {
	tls  TLS
	now  func() time.Time
	made *files.Value[*tls.Config] // values are never modified

	patterns []pattern // allowed names in a client's certificate

	mu     sync.Mutex
	guests map[*guest]struct{}
}

// NewCredentials reads the files. name is the listener's name for logs. The files are checked again
// at each handshake; unusable ones leave the last good certificates in place.
func NewCredentials(t TLS, name string, log *slog.Logger) (*Credentials, error) {
	patterns, err := patternsOf(t.AllowedSANs)
	if err != nil {
		return nil, err
	}
	c := &Credentials{tls: t, now: time.Now, patterns: patterns, guests: map[*guest]struct{}{}}
	c.made, err = files.New(files.Source[*tls.Config]{
		Files: t.files, Read: c.load,
		Changed: func(config *tls.Config) {
			log.Info("certificate files were read again", "listener", name, "expires", expiry(config).UTC().Format(time.RFC3339))
		},
		Unusable: func(err error) {
			log.Warn("certificate files are unusable, keeping the last good ones", "listener", name, "error", err)
		},
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// load makes the TLS settings from the files. A certificate that no client would accept is an
// error.
func (c *Credentials) load() (*tls.Config, error) {
	config, err := c.tls.load()
	if err != nil {
		return nil, err
	}
	if end := expiry(config); c.now().After(end) {
		return nil, fmt.Errorf("certificate %q: it expired at %s: put a new one in its place", c.tls.CertFile, end.UTC().Format(time.RFC3339))
	}
	return config, nil
}

// Config returns TLS settings for a server. Each handshake uses the certificates of its time. It
// returns nil for nil Credentials.
func (c *Credentials) Config() *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"h2", "http/1.1"},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return c.forClient(hello.Conn), nil },
	}
}

// forClient returns the TLS settings of one handshake. A resumed session is checked like a new one.
func (c *Credentials) forClient(conn net.Conn) *tls.Config {
	config := c.made.Now()
	if config.ClientCAs == nil {
		return config
	}
	config = config.Clone()
	config.VerifyConnection = func(s tls.ConnectionState) error {
		p, err := proofOf(s, config.ClientCAs, c.now())
		if err != nil {
			return err
		}
		if err := allowed(p.chain[0], c.patterns); err != nil {
			return err
		}
		c.remember(conn, p)
		return nil
	}
	return config
}

// Expires returns when the certificate in use expires; zero without one.
func (c *Credentials) Expires() time.Time {
	if c == nil {
		return time.Time{}
	}
	return expiry(c.made.Now())
}

// soon is how long before its expiry a certificate should have been renewed. For a short-lived one
// it is a quarter of its lifetime.
const soon = 3 * 24 * time.Hour

// Trouble says what is wrong with the certificate in use, or with the files that should replace it;
// empty if all is well.
func (c *Credentials) Trouble() string {
	if c == nil {
		return ""
	}
	leaf := c.made.Now().Certificates[0].Leaf
	if _, bad := c.made.Trouble(); bad != nil {
		return fmt.Sprintf("its files are unusable, and the last good ones are shown until %s: %v", leaf.NotAfter.UTC().Format(time.RFC3339), bad)
	}
	left := leaf.NotAfter.Sub(c.now())
	if left > min(soon, leaf.NotAfter.Sub(leaf.NotBefore)/4) {
		return ""
	}
	return fmt.Sprintf("certificate %q: it ends at %s: put a new one in its place", c.tls.CertFile, leaf.NotAfter.UTC().Format(time.RFC3339))
}

func expiry(c *tls.Config) time.Time { return c.Certificates[0].Leaf.NotAfter }
