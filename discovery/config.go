package discovery

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"legate/discovery/consul"
	"legate/discovery/guard"
)

// Config says which Consul is watched, how, and which of its services.
type Config struct {
	// Consul is where Consul is, and how it is asked.
	Consul consul.Config

	// FilteredExpected declares that the token is meant to see a part of the catalog only. Otherwise
	// answers from which Consul hides something are not believed, since a token that lost its
	// rights looks the same.
	FilteredExpected bool
	// Guard says which losses are not believed at once.
	Guard guard.Config
	// Canary is the time between two reads that look for an index that went back and for
	// connections that hang. 0: none.
	Canary time.Duration

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

// DefaultConfig watches the agent on this machine.
func DefaultConfig() Config {
	return Config{
		Consul:      consul.DefaultConfig(),
		Guard:       guard.DefaultConfig(),
		Canary:      15 * time.Second,
		FirstReads:  16,
		BackoffMin:  250 * time.Millisecond,
		BackoffMax:  30 * time.Second,
		SweepPeriod: 3 * time.Second,
		SweepRate:   100,
	}
}

// minConnections is one for the list of services, the reserve, and one blocking query.
const minConnections = 1 + reserve + 1

// Validate reports every mistake in c at once.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if err := c.Consul.Validate(); err != nil {
		errs = append(errs, err)
	}
	if c.Consul.MaxConnections < minConnections {
		bad("consul connections %d: at least %d are needed", c.Consul.MaxConnections, minConnections)
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
	if err := c.Guard.Validate(); err != nil {
		errs = append(errs, err)
	}
	if c.Canary < 0 {
		bad("guard's canary %v: must not be below 0", c.Canary)
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
