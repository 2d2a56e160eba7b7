package consul

import (
	"errors"
	"fmt"
	"time"

	"legate/internal/files"
)

// Config says which Consul is asked, and how. It is the only source: nothing here is read from the
// environment or a proxy setting behind the caller's back.
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

	// MaxConnections bounds the connections that are open to Consul at once, whatever they are
	// for. One Consul agent allows a client address 200 by default (limits.http_max_conns_per_client)
	// and then refuses everyone there, so stay well below.
	MaxConnections int
	// Wait is how long a blocking query may stay open without a change. It is shortened at
	// random by up to a quarter, so that queries do not return together.
	Wait time.Duration
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

// DefaultConfig asks the agent on this machine.
func DefaultConfig() Config {
	return Config{Address: "127.0.0.1:8500", MaxConnections: 100, Wait: time.Minute}
}

// HTTPS says whether Consul is asked over HTTPS, where many questions share a connection (HTTP/2).
func (c Config) HTTPS() bool {
	a, err := parseAddress(c.Address, c.Scheme)
	return err == nil && a.scheme == "https"
}

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
	if c.Wait < time.Second || c.Wait > 10*time.Minute {
		bad("consul wait %v: must be from 1s to 10m, which is the longest Consul waits", c.Wait)
	}
	return errors.Join(errs...)
}
