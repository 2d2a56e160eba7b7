package discovery

import (
	"errors"
	"fmt"
	"time"
)

// Guard says which losses are not believed at once. A loss is what an answer takes away; what
// it adds, and what it says of an instance's health, is believed at once, always.
//
// Losses are counted as services and the datacenter shrink, not by name: a rolling deploy, whose
// new instances come as the old ones go, loses nothing. What counts is what takes traffic: an
// instance that was critical, or in maintenance, when it went is no loss, and neither is health.
type Guard struct {
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
	// Window is the time within which losses are summed up: that of one service, and of all.
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
	// what blocking queries missed shows. 0: never.
	Reread time.Duration
	// Canary is the time between two reads that look for an index that went back and for
	// connections that hang. 0: none.
	Canary time.Duration
	// MassCritical is what becomes of instances that turn critical together, more than
	// DatacenterPercent of a datacenter of DatacenterFrom instances or more, of three services or
	// more, within Window: Believe or ServeAll.
	MassCritical string
}

// What Guard.MassCritical can be.
const (
	Believe  = "believe"   // they are critical
	ServeAll = "serve-all" // they keep the health they had, until no longer most of the datacenter is critical
)

// DefaultGuard holds what a person would not do, and nothing that a deploy does.
func DefaultGuard() Guard {
	return Guard{
		Confirm: 10 * time.Second, Empty: time.Minute, DatacenterHold: time.Hour, Window: time.Minute,
		ShrinkFrom: 4, ShrinkPercent: 50,
		CatalogFrom: 20, CatalogPercent: 15,
		DatacenterFrom: 10, DatacenterPercent: 50,
		Reread: 5 * time.Minute, Canary: 15 * time.Second,
		MassCritical: Believe,
	}
}

func (g Guard) validate() error {
	var errs []error
	for _, d := range []struct {
		name string
		is   time.Duration
	}{
		{"confirm", g.Confirm}, {"empty", g.Empty}, {"datacenter hold", g.DatacenterHold},
		{"reread", g.Reread}, {"canary", g.Canary},
	} {
		if d.is < 0 {
			errs = append(errs, fmt.Errorf("guard's %s %v: must not be below 0", d.name, d.is))
		}
	}
	if g.Window <= 0 {
		errs = append(errs, fmt.Errorf("guard's window %v: must be above 0", g.Window))
	}
	for _, p := range []struct {
		name          string
		from, percent int
	}{
		{"shrink", g.ShrinkFrom, g.ShrinkPercent}, {"catalog", g.CatalogFrom, g.CatalogPercent},
		{"datacenter", g.DatacenterFrom, g.DatacenterPercent},
	} {
		if p.from < 1 || p.percent < 1 || p.percent > 100 {
			errs = append(errs, fmt.Errorf("guard's %s of %d instances and %d %%: want at least 1 instance, and 1 to 100 %%", p.name, p.from, p.percent))
		}
	}
	if g.MassCritical != Believe && g.MassCritical != ServeAll {
		errs = append(errs, fmt.Errorf("guard's mass critical %q: must be %s or %s", g.MassCritical, Believe, ServeAll))
	}
	return errors.Join(errs...)
}

// recovery is how long what has not come back after the loss of most of the datacenter is waited
// for, from the moment at which something came back last. An agent looks once a minute, and as
// much as two later, whether Consul has what it has registered; those of a large datacenter look
// less often, but there are many of them.
// https://developer.hashicorp.com/consul/docs/architecture/anti-entropy
func (g Guard) recovery() time.Duration { return 2 * g.Window }

// suspicion is why a loss is held; it is a metric's label.
type suspicion string

const (
	calm       suspicion = ""
	emptied    suspicion = "emptied"    // a service's last instances that take traffic
	shrunk     suspicion = "shrunk"     // most of a service
	eroded     suspicion = "catalog"    // much of the datacenter
	evaporated suspicion = "datacenter" // most of it
	doubted    suspicion = "doubted"    // anything, by an answer that is odd: judge.go
)

// loss is what an answer takes away, as the guard sees it.
type loss struct {
	of, left     int // of the service: the most instances within the window, and those that are left
	served       int // with those that an answer lacks, or that are kept
	allOf, allAt int // of and left of the datacenter, with all losses that are held taken for real
	services     int // how many lost instances within the window
	// another says that Consul's state may be another one than it was: its index went back not
	// long ago. Then a small datacenter is none of a person's doing either.
	another bool
	doubt   bool // the answer is odd
}

// wide is how many services must lose instances for it to be about the datacenter.
const wide = 3

// suspect is a pure function of the loss: it is calm if the loss is believed at once.
func (g Guard) suspect(l loss) suspicion {
	broad := l.services >= wide
	switch {
	case l.left >= l.of:
		return calm
	case g.DatacenterHold > 0 && (broad && l.allOf >= g.DatacenterFrom || l.another) && more(l.allOf-l.allAt, g.DatacenterPercent, l.allOf):
		return evaporated
	case l.left == 0 && (g.Empty > 0 || g.Confirm > 0):
		return emptied
	case g.Confirm == 0:
		return calm
	case l.of >= g.ShrinkFrom && more(l.of-l.left, g.ShrinkPercent, l.of):
		return shrunk
	case broad && l.allOf >= g.CatalogFrom && more(l.allOf-l.allAt, g.CatalogPercent, l.allOf):
		return eroded
	case l.doubt:
		return doubted
	}
	return calm
}

// more says that part is more than so many percent of whole.
func more(part, percent, whole int) bool { return part*100 > percent*whole }
