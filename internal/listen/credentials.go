package listen

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how often the files are looked at, at most: with the handshakes, so that there is
// nothing to stop.
const lookEvery = time.Second

// Credentials are what a listener's handshakes use now.
type Credentials struct {
	tls  TLS
	name string // of the listener, for logs
	log  *slog.Logger
	now  func() time.Time

	mu     sync.Mutex
	config *tls.Config // the last good one; never changed once it is here
	stamps []stamp     // of the files when they were last read
	looked time.Time
	bad    string // what was logged last about files that cannot be used
}

// stamp tells whether a file is the one that was read. The identity tells a file that was put in
// its place with the same size and time.
type stamp struct {
	info os.FileInfo
	err  string
}

func (s stamp) same(o stamp) bool {
	if s.info == nil || o.info == nil {
		return s.info == nil && o.info == nil && s.err == o.err
	}
	return os.SameFile(s.info, o.info) && s.info.Size() == o.info.Size() && s.info.ModTime().Equal(o.info.ModTime())
}

// NewCredentials reads the files. name is the listener's, for logs.
func NewCredentials(t TLS, name string, log *slog.Logger) (*Credentials, error) {
	c := &Credentials{tls: t, name: name, log: log, now: time.Now}
	c.stamps, c.looked = c.stamp(), c.now()
	config, err := t.load()
	if err != nil {
		return nil, err
	}
	c.config = config
	return c, c.expired(config)
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
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current(), nil },
	}
}

// current reads the files again if they changed. What cannot be used is logged once, and leaves
// the last good certificates in place.
func (c *Credentials) current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Sub(c.looked) < lookEvery {
		return c.config
	}
	c.looked = c.now()
	stamps := c.stamp()
	if same(stamps, c.stamps) {
		return c.config
	}
	config, err := c.tls.load()
	if err == nil {
		err = c.expired(config)
	}
	if err != nil {
		if c.bad != err.Error() {
			c.bad = err.Error()
			c.log.Warn("certificate files are unusable, keeping the last good ones", "listener", c.name, "error", err)
		}
		return c.config // and look again: the other file of a pair may be on its way
	}
	c.config, c.stamps, c.bad = config, stamps, ""
	c.log.Info("certificate files were read again", "listener", c.name, "expires", expiry(config).UTC().Format(time.RFC3339))
	return c.config
}

// Expires is when the certificate in use ends; zero without one.
func (c *Credentials) Expires() time.Time {
	if c == nil {
		return time.Time{}
	}
	return expiry(c.current())
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
	leaf := c.current().Certificates[0].Leaf
	c.mu.Lock()
	bad := c.bad
	c.mu.Unlock()
	if bad != "" {
		return "its files are unusable, and the last good ones are shown until " + leaf.NotAfter.UTC().Format(time.RFC3339) + ": " + bad
	}
	left := leaf.NotAfter.Sub(c.now())
	if left > min(soon, leaf.NotAfter.Sub(leaf.NotBefore)/4) {
		return ""
	}
	return fmt.Sprintf("certificate %q: it ends at %s: put a new one in its place", c.tls.CertFile, leaf.NotAfter.UTC().Format(time.RFC3339))
}

func expiry(c *tls.Config) time.Time { return c.Certificates[0].Leaf.NotAfter }

// expired is an error if nobody would accept the certificate any more.
func (c *Credentials) expired(config *tls.Config) error {
	if end := expiry(config); c.now().After(end) {
		return fmt.Errorf("certificate %q: it expired at %s: put a new one in its place", c.tls.CertFile, end.UTC().Format(time.RFC3339))
	}
	return nil
}

func (c *Credentials) stamp() []stamp {
	var out []stamp
	for _, path := range c.tls.files() {
		info, err := os.Stat(path)
		if err != nil {
			out = append(out, stamp{err: err.Error()})
			continue
		}
		out = append(out, stamp{info: info})
	}
	return out
}

func same(a, b []stamp) bool {
	for i := range a {
		if !a[i].same(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}
