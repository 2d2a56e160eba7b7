package watch

import (
	"errors"
	"fmt"
	"time"
)

// Config says how Consul is watched.
type Config struct {
	// FilteredExpected declares that the token is meant to see a part of the catalog only. Otherwise
	// answers from which Consul hides something are not believed, since a token that lost its
	// rights looks the same.
	FilteredExpected bool
	// Entries says that Consul's config entries are watched, too. That takes three connections, or three
	// streams where Consul speaks HTTP/2.
	Entries bool
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
}

// What blocking queries of services never take: connections for the pollers, for urgent reads, for the
// signals, the canary, checks and confirmations. The signals and the canary have one each; all others
// ask short questions and can wait for each other.
const (
	pollers       = 2
	urgentReaders = 3
	reserve       = pollers + urgentReaders + 2
)

// minConnections is one for the list of services, the reserve, and one blocking query.
const minConnections = 1 + reserve + 1

// MinConnections is how many connections are needed at least: a few for what is always asked, one for each
// kind of config entries, and one blocking query.
func (c Config) MinConnections() int { return minConnections + len(c.Kinds()) }

// SiteConnections is how many connections another site needs at least, where each question takes one: for the list of
// its services, for its signals, and for two that read.
const SiteConnections = 4

// DefaultConfig spares Consul, and sees a change at once.
func DefaultConfig() Config {
	return Config{
		Entries:     true,
		Canary:      15 * time.Second,
		FirstReads:  16,
		BackoffMin:  250 * time.Millisecond,
		BackoffMax:  30 * time.Second,
		SweepPeriod: 3 * time.Second,
		SweepRate:   100,
	}
}

// Validate reports every mistake in c at once.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.FirstReads < 1 {
		bad("consul first reads %d: at least 1 is needed", c.FirstReads)
	}
	if c.BackoffMin <= 0 || c.BackoffMax < c.BackoffMin {
		bad("consul back-off %v to %v: the first must be above 0 and not above the second", c.BackoffMin, c.BackoffMax)
	}
	if c.SweepPeriod <= 0 || c.SweepRate < 1 {
		bad("consul sweep of %d reads/s in %v: both must be above 0", c.SweepRate, c.SweepPeriod)
	}
	if c.Canary < 0 {
		bad("guard's canary %v: must not be below 0", c.Canary)
	}
	return errors.Join(errs...)
}
