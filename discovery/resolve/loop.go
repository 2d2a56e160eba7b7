package resolve

import (
	"context"
	"slices"
	"time"

	"legate/discovery/catalog"
)

// loop is the state of Run. Only Run's goroutine uses it.
type loop struct {
	r   *Resolver
	ctx context.Context

	names    map[string]*name
	services map[catalog.ServiceKey]user      // those that have host names
	waiting  map[catalog.ServiceKey]time.Time // those that wait for the first answer about a name, and until when

	began   bool                                    // a Delta came in
	first   bool                                    // no Delta went out yet
	firstBy time.Time                               // until when the first one may wait for DNS
	due     map[catalog.ServiceKey]*catalog.Service // changes for the next Delta; nil: the service is gone
	entries map[catalog.EntryKey]*catalog.Entry     // and so of config entries
	since   time.Time                               // when the oldest answer behind these came
	built   *catalog.Delta                          // the next Delta, as offered; nil: to be built anew

	moved bool            // the status is out of date
	told  map[string]bool // the host names whose trouble was logged
}

// user is a service with host names.
type user struct {
	service catalog.Service // as it came, without addresses
	hosts   []string
}

func newLoop(ctx context.Context, r *Resolver) *loop {
	return &loop{
		r: r, ctx: ctx, first: true,
		names: map[string]*name{}, services: map[catalog.ServiceKey]user{}, waiting: map[catalog.ServiceKey]time.Time{},
		due: map[catalog.ServiceKey]*catalog.Service{}, entries: map[catalog.EntryKey]*catalog.Entry{}, told: map[string]bool{},
	}
}

// take handles a Delta that comes in.
func (l *loop) take(d catalog.Delta, now time.Time) {
	if !l.began {
		l.began, l.firstBy = true, now.Add(l.r.cfg.Grace)
	}
	l.built = nil
	if !d.Empty() {
		l.arrived(d.Since)
	}
	for _, s := range d.Set {
		l.set(s, now)
	}
	for _, key := range d.Gone {
		l.unuse(key, nil)
		delete(l.waiting, key)
		l.due[key] = nil
	}
	for _, e := range d.Entries {
		l.entries[e.Key] = &e
	}
	for _, key := range d.GoneEntries {
		l.entries[key] = nil
	}
}

// arrived notes when an answer behind the next Delta came; the oldest counts.
func (l *loop) arrived(at time.Time) {
	if l.since.IsZero() || !at.IsZero() && at.Before(l.since) {
		l.since = at
	}
}

func (l *loop) set(s catalog.Service, now time.Time) {
	hosts := hostsOf(s, l.r.cfg.Reach)
	l.unuse(s.Key, hosts)
	if len(hosts) == 0 {
		delete(l.waiting, s.Key)
		l.due[s.Key] = &s
		return
	}
	for _, host := range hosts {
		l.use(host, s.Key)
	}
	l.services[s.Key] = user{s, hosts}
	if l.allKnown(hosts) {
		l.pass(s.Key)
		return
	}
	if _, waits := l.waiting[s.Key]; !waits {
		l.waiting[s.Key] = now.Add(l.r.cfg.Grace)
		if l.first {
			l.waiting[s.Key] = l.firstBy
		}
	}
}

// use notes that a service has a host name. If it is the first, DNS is asked from now on.
func (l *loop) use(host string, by catalog.ServiceKey) {
	n := l.names[host]
	if n == nil {
		n = &name{host: host, users: map[catalog.ServiceKey]struct{}{}, addresses: l.r.seed[host]}
		ctx, stop := context.WithCancel(l.ctx)
		n.stop = stop
		l.names[host] = n
		known := len(n.addresses) > 0
		l.r.names.Go(func() { l.r.watch(ctx, n, known) })
		l.moved = true
	}
	n.users[by] = struct{}{}
}

// unuse drops a service, and its host names except those in keep. A name that no service has any more
// is forgotten.
func (l *loop) unuse(key catalog.ServiceKey, keep []string) {
	for _, host := range l.services[key].hosts {
		n := l.names[host]
		if slices.Contains(keep, host) {
			continue
		}
		if delete(n.users, key); len(n.users) == 0 {
			n.stop()
			delete(l.names, host)
			l.moved = true
		}
	}
	delete(l.services, key)
}

// learn handles the outcome of a query. If the name's addresses have changed, its services are passed
// on, unless they still wait for another name.
func (l *loop) learn(h heard) {
	n := h.name
	if l.names[n.host] != n {
		return
	}
	changed := n.learn(h.outcome, l.r.cfg.Keep, h.at)
	l.moved = true
	if !changed {
		return
	}
	for key := range n.users {
		if _, waits := l.waiting[key]; waits && !l.allKnown(l.services[key].hosts) {
			continue
		}
		l.arrived(h.at)
		l.pass(key)
	}
}

// release passes on the services that have waited long enough.
func (l *loop) release(now time.Time) {
	for key, until := range l.waiting {
		if !now.Before(until) {
			l.pass(key)
		}
	}
}

func (l *loop) allKnown(hosts []string) bool {
	return !slices.ContainsFunc(hosts, func(host string) bool { return !l.names[host].known })
}

// pass puts a service into the next Delta, with the addresses of its host names.
func (l *loop) pass(key catalog.ServiceKey) {
	u := l.services[key]
	s := u.service
	s.Hosts = make(map[string]catalog.Host, len(u.hosts))
	for _, host := range u.hosts {
		s.Hosts[host] = l.names[host].value()
	}
	delete(l.waiting, key)
	l.due[key], l.built = &s, nil
}

// ready says that there is a Delta to hand out. The first one waits until it is complete.
func (l *loop) ready() bool {
	if l.first {
		return l.began && len(l.waiting) == 0
	}
	return len(l.due)+len(l.entries) > 0
}

func (l *loop) delta() catalog.Delta {
	if l.built != nil {
		return *l.built
	}
	d := catalog.Delta{Since: l.since}
	d.Set, d.Gone = dueOf(l.due, l.first)
	d.Entries, d.GoneEntries = dueOf(l.entries, l.first)
	slices.SortFunc(d.Set, func(a, b catalog.Service) int { return a.Key.Compare(b.Key) })
	slices.SortFunc(d.Gone, catalog.ServiceKey.Compare)
	slices.SortFunc(d.Entries, func(a, b catalog.Entry) int { return a.Key.Compare(b.Key) })
	slices.SortFunc(d.GoneEntries, catalog.EntryKey.Compare)
	l.built = &d
	return d
}

// dueOf splits changes into what is set and what is gone. The first Delta takes nothing back.
func dueOf[K comparable, V any](due map[K]*V, first bool) (set []V, gone []K) {
	for key, v := range due {
		switch {
		case v != nil:
			set = append(set, *v)
		case !first:
			gone = append(gone, key)
		}
	}
	return set, gone
}

// sent notes that the reader took the Delta, and reports whether it was the first.
func (l *loop) sent() (first bool) {
	first = l.first
	l.first, l.built, l.since = false, nil, time.Time{}
	clear(l.due)
	clear(l.entries)
	l.r.seed = nil // who is named later was not named in the earlier run
	return first
}
