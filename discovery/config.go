package discovery

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"legate/internal/files"
)

// Config says which Consul is watched, how, and which of its services. It is the only source:
// nothing here is read from the environment or a proxy setting behind the caller's back.
type Config struct {
	// Address is where Consul's HTTP API is: host:port, http://host:port[/prefix],
	// https://host:port[/prefix] or unix:///path/to/socket.
	Address string
	// Scheme is http or https. An Address that begins with https:// wins over http here; https
	// here wins over an Address that begins with http://. Empty means http.
	Scheme string
	// Token is the ACL token. TokenFile wins over it, and is read again when it changes.
	Token     string
	TokenFile string
	TLS       TLS
	HTTPAuth  HTTPAuth
	// Namespace and Partition exist in Consul Enterprise only.
	Namespace string
	Partition string
	// Datacenter is the one that is watched. Empty is the agent's own; it is then asked for its
	// name, which takes agent:read.
	Datacenter string

	// FilteredExpected declares that the token is meant to see a part of the catalog only. Otherwise
	// answers from which Consul hides something are not believed, since a token that lost its
	// rights looks the same.
	FilteredExpected bool
	// Guard says which losses are not believed at once.
	Guard Guard

	// MaxConnections bounds the connections that are open to Consul at once, whatever they are
	// for. One Consul agent allows a client address 200 by default (limits.http_max_conns_per_client)
	// and then refuses everyone there, so stay well below.
	MaxConnections int
	// Wait is how long a blocking query may stay open without a change. It is shortened at
	// random by up to a quarter, so that queries do not return together.
	Wait time.Duration
	// FirstReads bounds the consistent reads at once: the first of each service, and the one
	// after each failure.
	FirstReads int
	// BackoffMin and BackoffMax bound the pause after a failed query. A pause is drawn evenly
	// from 0 to BackoffMin doubled with each failure, never more than BackoffMax.
	BackoffMin time.Duration
	BackoffMax time.Duration
	// SweepPeriod is how long one round over the services without a connection of their own is
	// meant to take, and SweepRate the most reads a second that are spent on it. Where both
	// cannot be had, the rate holds and the round takes longer.
	SweepPeriod time.Duration
	SweepRate   int

	// What is served; see [catalog.Selection].
	Include []string
	Exclude []string
	Tags    []string
}

// TLS is how Consul's certificate is checked and which one is shown to it.
type TLS struct {
	CAFile             string
	CAPath             string // a folder of CA certificates
	CertFile           string
	KeyFile            string
	ServerName         string // expected in the certificate; empty: the address's host
	InsecureSkipVerify bool
}

// HTTPAuth is HTTP basic authentication, for a proxy in front of Consul.
type HTTPAuth struct {
	Username string
	Password string
}

// DefaultConfig watches the agent on this machine.
func DefaultConfig() Config {
	return Config{
		Address:        "127.0.0.1:8500",
		Guard:          DefaultGuard(),
		MaxConnections: 100,
		Wait:           time.Minute,
		FirstReads:     16,
		BackoffMin:     250 * time.Millisecond,
		BackoffMax:     30 * time.Second,
		SweepPeriod:    3 * time.Second,
		SweepRate:      100,
	}
}

// minConnections is one for the list of services, the reserve, and one blocking query.
const minConnections = 1 + reserve + 1

// Validate reports every mistake in c at once.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if _, err := parseAddress(c.Address, c.Scheme); err != nil {
		errs = append(errs, err)
	}
	if _, err := files.Token(c.Token); err != nil {
		bad("consul token: %w", err)
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		bad("consul client certificate: the certificate and its key must both be given")
	}
	if c.MaxConnections < minConnections {
		bad("consul connections %d: at least %d are needed", c.MaxConnections, minConnections)
	}
	if c.Wait < time.Second || c.Wait > 10*time.Minute {
		bad("consul wait %v: must be from 1s to 10m, which is the longest Consul waits", c.Wait)
	}
	if c.FirstReads < 1 {
		bad("consul first reads %d: at least 1 is needed", c.FirstReads)
	}
	if c.BackoffMin <= 0 || c.BackoffMax < c.BackoffMin {
		bad("consul back-off %v to %v: the first must be above 0 and not above the second", c.BackoffMin, c.BackoffMax)
	}
	if c.SweepPeriod <= 0 || c.SweepRate < 1 {
		bad("consul sweep of %d reads/s in %v: both must be above 0", c.SweepRate, c.SweepPeriod)
	}
	if err := c.Guard.validate(); err != nil {
		errs = append(errs, err)
	}
	for _, glob := range slices.Concat(c.Include, c.Exclude) {
		if strings.TrimSpace(glob) == "" {
			bad("service glob %q: is empty and would match nothing; use * for every service", glob)
		}
	}
	for _, tag := range c.Tags {
		if tag == "" {
			bad("service tag %q: is empty", tag)
		}
	}
	return errors.Join(errs...)
}
