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

// Credentials are what a listener's handshakes use now.
type Credentials struct {
	tls  TLS
	now  func() time.Time
	made *files.Value[*tls.Config] // none of them is changed once it is here

	patterns []pattern // of the names that a client's certificate may have

	mu     sync.Mutex
	guests map[*guest]struct{}
}

// NewCredentials reads the files. name is the listener's, for logs. With each handshake they are
// looked at again; what cannot be used leaves the last good certificates in place.
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

// load makes of the files what handshakes use. A certificate that nobody would accept is a mistake.
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

// Config is what a server takes. Each handshake uses the certificates of its time. No Credentials
// are no TLS.
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

// forClient is what one handshake uses. A session that is resumed is judged as a new one is.
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

// Expires is when the certificate in use ends; zero without one.
func (c *Credentials) Expires() time.Time {
	if c == nil {
		return time.Time{}
	}
	return expiry(c.made.Now())
}

// soon is how long before its end a certificate should have been renewed; a short-lived one has a
// quarter of its life for that.
const soon = 3 * 24 * time.Hour

// Trouble says what is wrong with the certificate in use, or with the files that shall replace it;
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
