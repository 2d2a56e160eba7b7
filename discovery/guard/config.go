package guard

import (
	"errors"
	"fmt"
	"time"
)

// Config says which losses are suspicious, and for how long they are held.
type Config struct {
	// Confirm is the least time between the two consistent reads that must agree on a suspicious loss,
	// or on what an odd answer takes away. 0: of a service, only the last instances are suspicious.
	Confirm time.Duration
	// Empty is how long a service's last instances are kept without evidence that they were
	// deregistered; with it, Confirm is enough (see the package's page).
	Empty time.Duration
	// DatacenterHold is how long the loss of most of a datacenter is held. 0: it is confirmed like any other.
	DatacenterHold time.Duration
	Window         time.Duration // within which losses are summed up: those of one service, and those of all
	// Shrink is what a service may lose, Catalog and Datacenter what a datacenter may. Those of the
	// datacenter do not count while fewer than three services lose instances: what hits one service is
	// about that service. After Consul's index went back, Datacenter.Percent counts in any datacenter.
	Shrink, Catalog, Datacenter Limit
	// Reread is how long one round takes in which everything is read again consistently; 0: never. For
	// so long, and for Window at least, an index that went back is remembered.
	Reread time.Duration
	// MassCritical is what becomes of instances that turn critical together, more than Datacenter
	// allows, of three services or more, within Window: Believe or ServeAll.
	MassCritical string
}

// Limit is passed when, of From instances or more, more than so many percent are lost.
type Limit struct{ From, Percent int }

func (l Limit) passed(lost, of int) bool { return of >= l.From && more(lost, l.Percent, of) }

// What Config.MassCritical can be.
const (
	Believe  = "believe"   // they are critical
	ServeAll = "serve-all" // they keep the health they had, until no longer most of the datacenter is critical
)

// DefaultConfig holds what a person would not do, and nothing that a deploy does.
func DefaultConfig() Config {
	return Config{
		Confirm: 10 * time.Second, Empty: time.Minute, DatacenterHold: time.Hour, Window: time.Minute,
		Shrink: Limit{4, 50}, Catalog: Limit{20, 15}, Datacenter: Limit{10, 50},
		Reread: 5 * time.Minute, MassCritical: Believe,
	}
}

// Validate reports every mistake in c at once.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	for i, d := range []time.Duration{c.Confirm, c.Empty, c.DatacenterHold, c.Reread} {
		check(d >= 0, "guard's %s %v: must not be below 0", [...]string{"confirm", "empty", "datacenter hold", "reread"}[i], d)
	}
	check(c.Window > 0, "guard's window %v: must be above 0", c.Window)
	for i, l := range []Limit{c.Shrink, c.Catalog, c.Datacenter} {
		check(l.From > 0 && l.Percent > 0 && l.Percent <= 100, "guard's %s of %d instances and %d %%: want at least 1 instance, and 1 to 100 %%",
			[...]string{"shrink", "catalog", "datacenter"}[i], l.From, l.Percent)
	}
	check(c.MassCritical == Believe || c.MassCritical == ServeAll, "guard's mass critical %q: must be %s or %s", c.MassCritical, Believe, ServeAll)
	return errors.Join(errs...)
}
