package resolve

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"legate/discovery/catalog"
)

// name is a host name that services have, and what is known of it.
type name struct {
	host  string
	users map[catalog.ServiceKey]struct{}
	stop  context.CancelFunc // ends the goroutine that asks for it

	addresses []netip.Addr // that count now
	known     bool         // DNS was asked once at least
	last      outcome      // of the last query
	since     time.Time    // when the first of the failures in a row came; zero: the last query was answered
	denied    time.Time    // when the first denial (NXDOMAIN) among these came; zero: there was none
}

// learn takes over the outcome of a query, and reports whether that changes the name's addresses.
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

// value is the name as translation gets it.
func (n *name) value() catalog.Host {
	if len(n.addresses) > 0 {
		return catalog.Host{Addresses: n.addresses}
	}
	if !n.known {
		return catalog.Host{Why: silent.why()}
	}
	return catalog.Host{Why: n.last.kind.why()}
}

// stale says that DNS does not confirm the name's addresses; unresolved, that it has none.
func (n *name) stale() bool      { return !n.since.IsZero() && len(n.addresses) > 0 }
func (n *name) unresolved() bool { return n.known && len(n.addresses) == 0 }

// watch queries a name again and again, and reports each outcome to the loop. known says that it has
// addresses already.
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
		} else if known { // a name without addresses is asked for often, however often it has failed
			failures++
		}
		select {
		case <-time.After(r.cfg.pause(o.ttl, failures)):
		case <-ctx.Done():
			return
		}
	}
}

// pause is how long to wait before the next query: after an answer with this time to live, or after so
// many failures in a row.
func (c Config) pause(ttl time.Duration, failures int) time.Duration {
	pause := ttl
	if failures > 0 {
		pause = c.Refresh << min(failures-1, 16)
	}
	pause = min(max(pause, c.Refresh), c.Most)
	return pause - rand.N(pause/4+1)
}

// hostsOf are the host names by which a service's instances are reached, sorted.
func hostsOf(s catalog.Service, reach []string) []string {
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
		if host, why := catalog.HostName(at.Address); why == "" {
			out = append(out, host)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
