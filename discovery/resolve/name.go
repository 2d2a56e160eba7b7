package resolve

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"legate/discovery"
)

// name is a host name that services use, and what is known of it.
type name struct {
	host  string
	users map[discovery.ServiceKey]struct{}
	stop  context.CancelFunc

	addresses []netip.Addr
	known     bool      // there was an outcome
	last      outcome   // the last one
	since     time.Time // of the first bad outcome since the last good one; zero: the last was good
	denied    time.Time // of the first denial since the last good one; zero: none
}

// learn takes over an outcome, and reports whether the name stands for something else now.
func (n *name) learn(o outcome, keep time.Duration, now time.Time) (changed bool) {
	was := n.value()
	first := !n.known
	n.known, n.last = true, o
	switch o.kind {
	case answered:
		n.addresses, n.since, n.denied = o.addresses, time.Time{}, time.Time{}
	case denied:
		if n.denied.IsZero() {
			n.denied = now
		}
		if now.Sub(n.denied) >= keep {
			n.addresses = nil
		}
	}
	if o.kind != answered && n.since.IsZero() {
		n.since = now
	}
	return first || !n.value().Equal(was)
}

// value is what translation gets.
func (n *name) value() discovery.Host {
	if len(n.addresses) > 0 {
		return discovery.Host{Addresses: n.addresses}
	}
	if !n.known {
		return discovery.Host{Why: silent.why()}
	}
	return discovery.Host{Why: n.last.kind.why()}
}

// The states of a name: stale is one whose addresses are older than DNS's last word.
func (n *name) stale() bool      { return !n.since.IsZero() && len(n.addresses) > 0 }
func (n *name) unresolved() bool { return n.known && len(n.addresses) == 0 }

// watch asks for the name again and again, and tells what it hears.
func (r *Resolver) watch(ctx context.Context, n *name, known bool) {
	failures := 0
	for {
		select {
		case r.queries <- struct{}{}:
		case <-ctx.Done():
			return
		}
		o := r.lookup.of(ctx, n.host)
		<-r.queries
		if ctx.Err() != nil {
			return
		}
		r.metrics.Query(o.kind.String())
		select {
		case r.heard <- heard{n, o, time.Now()}:
		case <-ctx.Done():
			return
		}
		if o.kind == answered {
			known, failures = true, 0
		} else if known { // who has nothing yet is not kept waiting longer
			failures++
		}
		select {
		case <-time.After(r.cfg.pause(o.ttl, failures)):
		case <-ctx.Done():
			return
		}
	}
}

// pause is how long to wait after an outcome that lives so long, or after so many failures.
func (c Config) pause(ttl time.Duration, failures int) time.Duration {
	pause := ttl
	if failures > 0 {
		pause = c.Refresh << min(failures-1, 16)
	}
	pause = min(max(pause, c.Refresh), c.Most)
	return pause - rand.N(pause/4+1)
}

// hostsOf are the names that a service's instances are reached by, sorted.
func hostsOf(s discovery.Service, reach []string) []string {
	var out []string
	for i := range s.Instances {
		one := &s.Instances[i]
		if one.SocketPath != "" {
			continue
		}
		at, _ := one.Reach(reach)
		if _, err := netip.ParseAddr(at.Address); err == nil {
			continue
		}
		if host, why := discovery.HostName(at.Address); why == "" {
			out = append(out, host)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
