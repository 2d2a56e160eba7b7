package guard

import (
	"errors"
	"fmt"
	"time"
)

// Config says which losses are suspicious, and for how long they are held.
type Config struct {
	// Confirm is the least time between the two consistent reads that must agree on a suspicious
	// loss, or on anything that an odd answer takes away. 0: nothing is suspicious but the loss of
	// a service's last instance, and that only as far as Empty says.
	Confirm time.Duration
	// Empty is how long a service's last instances are kept that are gone according to Consul,
	// unless there is evidence that they were deregistered (see the package's page); then Confirm
	// is enough.
	Empty time.Duration
	// DatacenterHold is how long the loss of most of a datacenter is held, unless it is released
	// by hand. 0: such a loss is confirmed like any other.
	DatacenterHold time.Duration
	// Window is the time within which losses are summed up: those of one service, and those of all.
	Window time.Duration
	// A service of ShrinkFrom instances or more must not lose more than ShrinkPercent of them.
	ShrinkFrom    int
	ShrinkPercent int
	// A datacenter of CatalogFrom instances or more must not lose more than CatalogPercent of
	// them, nor one of DatacenterFrom more than DatacenterPercent. Neither counts while fewer than
	// three services lose instances: what hits one service is about that service, and its own
	// limits hold. After Consul's index went back, the loss of most counts in any datacenter.
	CatalogFrom       int
	CatalogPercent    int
	DatacenterFrom    int
	DatacenterPercent int
	// Reread is how long one round takes in which everything is read again consistently, so that
	// what blocking queries missed shows. 0: never. For as long as a round takes, and for Window at
	// least, an index that went back is remembered.
	Reread time.Duration
	// MassCritical is what becomes of instances that turn critical together, more than
	// DatacenterPercent of a datacenter of DatacenterFrom instances or more, of three services or
	// more, within Window: Believe or ServeAll.
	MassCritical string
}

// What Config.MassCritical can be.
const (
	Believe  = "believe"   // they are critical
	ServeAll = "serve-all" // they keep the health they had, until no longer most of the datacenter is critical
)

// DefaultConfig holds what a person would not do, and nothing that a deploy does.
func DefaultConfig() Config {
	return Config{
		Confirm: 10 * time.Second, Empty: time.Minute, DatacenterHold: time.Hour, Window: time.Minute,
		ShrinkFrom: 4, ShrinkPercent: 50,
		CatalogFrom: 20, CatalogPercent: 15,
		DatacenterFrom: 10, DatacenterPercent: 50,
		Reread:       5 * time.Minute,
		MassCritical: Believe,
	}
}

// Validate reports every mistake in c at once.
func (c Config) Validate() error {
	var errs []error
	for _, d := range []struct {
		name string
		is   time.Duration
	}{{"confirm", c.Confirm}, {"empty", c.Empty}, {"datacenter hold", c.DatacenterHold}, {"reread", c.Reread}} {
		if d.is < 0 {
			errs = append(errs, fmt.Errorf("guard's %s %v: must not be below 0", d.name, d.is))
		}
	}
	if c.Window <= 0 {
		errs = append(errs, fmt.Errorf("guard's window %v: must be above 0", c.Window))
	}
	for _, p := range []struct {
		name          string
		from, percent int
	}{
		{"shrink", c.ShrinkFrom, c.ShrinkPercent}, {"catalog", c.CatalogFrom, c.CatalogPercent},
		{"datacenter", c.DatacenterFrom, c.DatacenterPercent},
	} {
		if p.from < 1 || p.percent < 1 || p.percent > 100 {
			errs = append(errs, fmt.Errorf("guard's %s of %d instances and %d %%: want at least 1 instance, and 1 to 100 %%", p.name, p.from, p.percent))
		}
	}
	if c.MassCritical != Believe && c.MassCritical != ServeAll {
		errs = append(errs, fmt.Errorf("guard's mass critical %q: must be %s or %s", c.MassCritical, Believe, ServeAll))
	}
	return errors.Join(errs...)
}

// Tick is how often a State wants to be told that time has passed: often enough for the shortest of
// its times.
func (c Config) Tick() time.Duration {
	t := time.Second
	for _, d := range []time.Duration{c.Confirm, c.Empty, c.DatacenterHold} {
		if d > 0 {
			t = min(t, max(d/5, 10*time.Millisecond))
		}
	}
	return t
}

// recovery is how long what has not come back after the loss of most of the datacenter is waited
// for, from the moment at which something came back last. An agent looks once a minute, and as
// much as two later, whether Consul has what it has registered; those of a large datacenter look
// less often, but there are many of them.
// https://developer.hashicorp.com/consul/docs/architecture/anti-entropy
func (c Config) recovery() time.Duration { return 2 * c.Window }

// memory is how long an index that went back counts.
func (c Config) memory() time.Duration { return max(c.Reread, c.Window) }
