package resolve

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"legate/discovery/catalog"
)

// Status is a Resolver's state at one moment, for people.
type Status struct {
	Names int `json:"names"` // that instances are reached by
	// Stale are names whose addresses are kept although DNS does not confirm them, Unresolved those
	// that have none: their instances are left out. At most maxShown of each are listed.
	Stale      int     `json:"stale"`
	Unresolved int     `json:"unresolved"`
	Troubled   []Named `json:"troubled,omitempty"`
}

// Named is a name that DNS has trouble with.
type Named struct {
	Host      string       `json:"host"`
	Addresses []netip.Addr `json:"addresses,omitempty"` // that are kept
	Since     time.Time    `json:"since"`
	Until     time.Time    `json:"until,omitzero"` // when they go, if DNS goes on denying the name
	Services  []string     `json:"services"`
	Detail    string       `json:"detail"`
	Remedy    string       `json:"remedy"`
}

const remedy = "look at the DNS servers of this machine (/etc/resolv.conf) or name others with --resolve-dns; or register the instance with a name that exists, or with an IP address"

// maxShown bounds what Status lists.
const maxShown = 50

// Status may be called at any time.
func (r *Resolver) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// show renews the status and the metrics, and logs names whose trouble begins or ends.
func (l *loop) show() {
	if !l.moved {
		return
	}
	l.moved = false
	s := Status{Names: len(l.names)}
	stands := make(map[string][]netip.Addr, len(l.names))
	var bad []*name
	for host, n := range l.names {
		if len(n.addresses) > 0 {
			stands[host] = n.addresses
		}
		switch {
		case n.stale():
			s.Stale++
			bad = append(bad, n)
		case n.unresolved():
			s.Unresolved++
			bad = append(bad, n)
		}
	}
	slices.SortFunc(bad, func(a, b *name) int { return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.host, b.host)) })
	for _, n := range bad[:min(len(bad), maxShown)] {
		s.Troubled = append(s.Troubled, n.describe(l.r.cfg.Keep))
	}
	l.r.metrics.Names(s.Names, s.Stale, s.Unresolved)
	l.r.mu.Lock()
	same := maps.EqualFunc(l.r.stands, stands, slices.Equal)
	l.r.status, l.r.stands = s, stands
	l.r.mu.Unlock()
	if !same {
		select {
		case l.r.moved <- struct{}{}:
		default: // it has not been read yet
		}
	}
	l.tell(bad)
}

func (n *name) describe(keep time.Duration) Named {
	d := Named{Host: n.host, Addresses: n.addresses, Since: n.since, Detail: n.last.kind.why(), Remedy: remedy}
	if n.last.detail != "" {
		d.Detail += ": " + n.last.detail
	}
	if n.last.kind == denied && n.stale() {
		d.Until = n.denied.Add(keep)
	}
	for _, key := range slices.SortedFunc(maps.Keys(n.users), catalog.ServiceKey.Compare) {
		d.Services = append(d.Services, key.Name)
	}
	return d
}

// tell logs the names whose trouble has begun since the last call in one line, and those whose trouble is
// over in another.
func (l *loop) tell(bad []*name) {
	var fresh []*name
	still := map[string]bool{}
	for _, n := range bad {
		if still[n.host] = true; !l.told[n.host] {
			fresh = append(fresh, n)
		}
	}
	over := slices.Sorted(maps.Keys(l.told))
	over = slices.DeleteFunc(over, func(host string) bool { return still[host] })
	l.told = still
	if len(fresh) > 0 {
		d := fresh[0].describe(l.r.cfg.Keep)
		l.r.log.Warn("host names are not resolved, what they stood for is kept", "hosts", some(fresh), "count", len(fresh),
			"kept", d.Addresses, "detail", d.Detail, "remedy", d.Remedy)
	}
	if len(over) > 0 {
		l.r.log.Info("host names are resolved again, or no longer used", "hosts", strings.Join(over[:min(len(over), eachHost)], ", "), "count", len(over))
	}
}

// eachHost is how many names a line of the log lists.
const eachHost = 5

func some(names []*name) string {
	var hosts []string
	for _, n := range names[:min(len(names), eachHost)] {
		hosts = append(hosts, n.host)
	}
	text := strings.Join(hosts, ", ")
	if more := len(names) - len(hosts); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
