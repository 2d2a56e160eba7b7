package resolve

import (
	"context"
	"slices"
	"time"

	"legate/discovery"
)

// owner has what Run knows. It is one goroutine's.
type owner struct {
	r   *Resolver
	ctx context.Context

	names    map[string]*name
	services map[discovery.ServiceKey]user
	waiting  map[discovery.ServiceKey]time.Time // until when for the first answer about a name

	began   bool                                        // a Delta came in
	first   bool                                        // none went out yet
	firstBy time.Time                                   // when one does at the latest
	due     map[discovery.ServiceKey]*discovery.Service // for the next Delta; nil: gone
	since   time.Time
	built   *discovery.Delta // as last offered; nil after a change

	moved bool // what is shown is old
	told  map[string]bool
}

// user is a service that names hosts.
type user struct {
	service discovery.Service // as it came
	hosts   []string
}

func newOwner(ctx context.Context, r *Resolver) *owner {
	return &owner{
		r: r, ctx: ctx, first: true,
		names: map[string]*name{}, services: map[discovery.ServiceKey]user{}, waiting: map[discovery.ServiceKey]time.Time{},
		due: map[discovery.ServiceKey]*discovery.Service{}, told: map[string]bool{},
	}
}

// take takes a Delta in.
func (o *owner) take(d discovery.Delta, now time.Time) {
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
}

// arrived notes the time of the oldest answer behind what is due.
func (o *owner) arrived(at time.Time) {
	if o.since.IsZero() || !at.IsZero() && at.Before(o.since) {
		o.since = at
	}
}

func (o *owner) set(s discovery.Service, now time.Time) {
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

// use begins to ask for a host that nobody has named before.
func (o *owner) use(host string, by discovery.ServiceKey) {
	n := o.names[host]
	if n == nil {
		n = &name{host: host, users: map[discovery.ServiceKey]struct{}{}, addresses: o.r.seed[host]}
		ctx, stop := context.WithCancel(o.ctx)
		n.stop = stop
		o.names[host] = n
		known := len(n.addresses) > 0
		o.r.names.Go(func() { o.r.watch(ctx, n, known) })
		o.moved = true
	}
	n.users[by] = struct{}{}
}

// unuse forgets the hosts of a service but for those that it will have, and what nobody names.
func (o *owner) unuse(key discovery.ServiceKey, keep []string) {
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

// learn passes on the services of a name that stands for something else now, and those that have
// waited for it.
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

// release passes on who has waited long enough.
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

// pass makes a service due, with what its names stand for.
func (o *owner) pass(key discovery.ServiceKey) {
	u := o.services[key]
	s := u.service
	s.Hosts = make(map[string]discovery.Host, len(u.hosts))
	for _, host := range u.hosts {
		s.Hosts[host] = o.names[host].value()
	}
	delete(o.waiting, key)
	o.due[key], o.built = &s, nil
}

// ready says that there is a Delta for the reader. The first one is complete.
func (o *owner) ready() bool {
	if o.first {
		return o.began && len(o.waiting) == 0
	}
	return len(o.due) > 0
}

func (o *owner) delta() discovery.Delta {
	if o.built != nil {
		return *o.built
	}
	d := discovery.Delta{Since: o.since}
	for key, s := range o.due {
		switch {
		case s != nil:
			d.Set = append(d.Set, *s)
		case !o.first:
			d.Gone = append(d.Gone, key)
		}
	}
	slices.SortFunc(d.Set, func(a, b discovery.Service) int { return a.Key.Compare(b.Key) })
	slices.SortFunc(d.Gone, discovery.ServiceKey.Compare)
	o.built = &d
	return d
}

// sent says that the reader took the Delta, and reports whether it was the first.
func (o *owner) sent() (first bool) {
	first = o.first
	o.first, o.built, o.since = false, nil, time.Time{}
	clear(o.due)
	o.r.seed = nil // who is named later was not named in the earlier run
	return first
}
