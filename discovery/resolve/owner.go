package resolve

import (
	"context"
	"slices"
	"time"

	"legate/discovery/catalog"
)

// owner is the state of Run. Only Run's goroutine uses it.
type owner struct {
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

func newOwner(ctx context.Context, r *Resolver) *owner {
	return &owner{
		r: r, ctx: ctx, first: true,
		names: map[string]*name{}, services: map[catalog.ServiceKey]user{}, waiting: map[catalog.ServiceKey]time.Time{},
		due: map[catalog.ServiceKey]*catalog.Service{}, entries: map[catalog.EntryKey]*catalog.Entry{}, told: map[string]bool{},
	}
}

// take handles a Delta that comes in.
func (o *owner) take(d catalog.Delta, now time.Time) {
	if !o.began {
		o.began, o.firstBy = true, now.Add(o.r.cfg.Grace)
	}
	o.built = nil
	if !d.Empty() {
		o.arrived(d.Since)
	}
	for _, s := range d.Set {
		o.set(s, now)
	}
	for _, key := range d.Gone {
		o.unuse(key, nil)
		delete(o.waiting, key)
		o.due[key] = nil
	}
	for _, e := range d.Entries {
		o.entries[e.Key] = &e
	}
	for _, key := range d.GoneEntries {
		o.entries[key] = nil
	}
}

// arrived notes when an answer behind the next Delta came; the oldest counts.
func (o *owner) arrived(at time.Time) {
	if o.since.IsZero() || !at.IsZero() && at.Before(o.since) {
		o.since = at
	}
}

func (o *owner) set(s catalog.Service, now time.Time) {
	hosts := hostsOf(s, o.r.cfg.Reach)
	o.unuse(s.Key, hosts)
	if len(hosts) == 0 {
		delete(o.waiting, s.Key)
		o.due[s.Key] = &s
		return
	}
	for _, host := range hosts {
		o.use(host, s.Key)
	}
	o.services[s.Key] = user{s, hosts}
	if o.allKnown(hosts) {
		o.pass(s.Key)
		return
	}
	if _, waits := o.waiting[s.Key]; !waits {
		o.waiting[s.Key] = now.Add(o.r.cfg.Grace)
		if o.first {
			o.waiting[s.Key] = o.firstBy
		}
	}
}

// use notes that a service has a host name. If it is the first, DNS is asked from now on.
func (o *owner) use(host string, by catalog.ServiceKey) {
	n := o.names[host]
	if n == nil {
		n = &name{host: host, users: map[catalog.ServiceKey]struct{}{}, addresses: o.r.seed[host]}
		ctx, stop := context.WithCancel(o.ctx)
		n.stop = stop
		o.names[host] = n
		known := len(n.addresses) > 0
		o.r.names.Go(func() { o.r.watch(ctx, n, known) })
		o.moved = true
	}
	n.users[by] = struct{}{}
}

// unuse drops a service, and its host names except those in keep. A name that no service has any more
// is forgotten.
func (o *owner) unuse(key catalog.ServiceKey, keep []string) {
	for _, host := range o.services[key].hosts {
		n := o.names[host]
		if slices.Contains(keep, host) {
			continue
		}
		if delete(n.users, key); len(n.users) == 0 {
			n.stop()
			delete(o.names, host)
			o.moved = true
		}
	}
	delete(o.services, key)
}

// learn handles the outcome of a query. If the name's addresses have changed, its services are passed
// on, unless they still wait for another name.
func (o *owner) learn(h heard) {
	n := h.name
	if o.names[n.host] != n {
		return
	}
	changed := n.learn(h.outcome, o.r.cfg.Keep, h.at)
	o.moved = true
	if !changed {
		return
	}
	for key := range n.users {
		if _, waits := o.waiting[key]; waits && !o.allKnown(o.services[key].hosts) {
			continue
		}
		o.arrived(h.at)
		o.pass(key)
	}
}

// release passes on the services that have waited long enough.
func (o *owner) release(now time.Time) {
	for key, until := range o.waiting {
		if !now.Before(until) {
			o.pass(key)
		}
	}
}

func (o *owner) allKnown(hosts []string) bool {
	return !slices.ContainsFunc(hosts, func(host string) bool { return !o.names[host].known })
}

// pass puts a service into the next Delta, with the addresses of its host names.
func (o *owner) pass(key catalog.ServiceKey) {
	u := o.services[key]
	s := u.service
	s.Hosts = make(map[string]catalog.Host, len(u.hosts))
	for _, host := range u.hosts {
		s.Hosts[host] = o.names[host].value()
	}
	delete(o.waiting, key)
	o.due[key], o.built = &s, nil
}

// ready says that there is a Delta to hand out. The first one waits until it is complete.
func (o *owner) ready() bool {
	if o.first {
		return o.began && len(o.waiting) == 0
	}
	return len(o.due)+len(o.entries) > 0
}

func (o *owner) delta() catalog.Delta {
	if o.built != nil {
		return *o.built
	}
	d := catalog.Delta{Since: o.since}
	d.Set, d.Gone = dueOf(o.due, o.first)
	d.Entries, d.GoneEntries = dueOf(o.entries, o.first)
	slices.SortFunc(d.Set, func(a, b catalog.Service) int { return a.Key.Compare(b.Key) })
	slices.SortFunc(d.Gone, catalog.ServiceKey.Compare)
	slices.SortFunc(d.Entries, func(a, b catalog.Entry) int { return a.Key.Compare(b.Key) })
	slices.SortFunc(d.GoneEntries, catalog.EntryKey.Compare)
	o.built = &d
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
func (o *owner) sent() (first bool) {
	first = o.first
	o.first, o.built, o.since = false, nil, time.Time{}
	clear(o.due)
	clear(o.entries)
	o.r.seed = nil // who is named later was not named in the earlier run
	return first
}
