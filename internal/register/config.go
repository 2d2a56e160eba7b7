package register

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Kinds of checks.
const (
	GRPC = "grpc" // gRPC's health service on the xDS listener
	HTTP = "http" // /readyz of the listener for monitoring, or for people
	TTL  = "ttl"  // Legate tells the agent
)

// Config says as what Legate is registered.
type Config struct {
	Name    string
	ID      string // empty: made of the name, the host and the port
	Address string // empty: see Facts
	Tags    []string
	Meta    map[string]string
	Checks  []string // kinds; none: those that the agent can run
	// RemoveAfter is for how long the checks may be critical before the agent removes the registration.
	RemoveAfter time.Duration
}

// Bounds of Config.RemoveAfter. Consul takes no less than a minute.
const (
	MinRemoveAfter = time.Minute
	MaxRemoveAfter = 30 * 24 * time.Hour
)

// DefaultConfig keeps the registration of a Legate that is gone for a day: long enough for a machine that is repaired.
func DefaultConfig() Config {
	return Config{Name: "legate", RemoveAfter: 24 * time.Hour}
}

var (
	label   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	word    = regexp.MustCompile(`^[A-Za-z0-9._-]{1,255}$`)
	metaKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
)

// metaMost is how long a value in a service's meta may be, in bytes, and metaPairs how many there may be.
// https://developer.hashicorp.com/consul/docs/reference/service#meta
const (
	metaMost  = 512
	metaPairs = 64
)

// IsLabel says that DNS takes a name as one of its labels.
func IsLabel(name string) bool { return label.MatchString(name) }

// Validate reports every mistake in c at once.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !IsLabel(c.Name) {
		bad("--register-name %q: it is to be found by DNS: want at most 63 letters, digits and hyphens, such as legate", c.Name)
	}
	if c.ID != "" && !word.MatchString(c.ID) {
		bad("--register-id %q: want letters, digits, dots, hyphens and underscores", c.ID)
	}
	if c.Address != "" && !word.MatchString(c.Address) && !isIP(c.Address) {
		bad("--register-address %q: want an IP address or a host name, without a port", c.Address)
	}
	for _, tag := range c.Tags {
		if !word.MatchString(tag) {
			bad("--register-tag %q: want letters, digits, dots, hyphens and underscores", tag)
		}
	}
	for key, value := range c.Meta {
		if !metaKey.MatchString(key) || len(value) > metaMost {
			bad("--register-meta %s: Consul takes keys of letters, digits, hyphens and underscores, and values of at most %d bytes", key, metaMost)
		}
	}
	if most := metaPairs - len(ownMeta(Facts{})); len(c.Meta) > most {
		bad("--register-meta: %d pairs: Consul takes %d beside Legate's own", len(c.Meta), most)
	}
	return errors.Join(errs...)
}
