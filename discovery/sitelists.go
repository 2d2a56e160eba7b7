package discovery

import (
	"cmp"
	"context"
	"slices"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
)

// sitesEvery is the time between two questions about which datacenters and peers there are. Consul lets nobody
// wait for a change of either.
const sitesEvery = 15 * time.Second

// siteLists are what Consul says of which sites there are. What was not asked is nil, without an error.
type siteLists struct {
	datacenters    []string // the nearest first
	peers          []string
	datacentersErr error
	peersErr       error
	at             time.Time
}

// list asks Consul again and again which sites there are, as far as that matters, and tells the loop.
func (m *members) list(ctx context.Context) {
	cfg, client := m.f.own.cfg, m.f.own.client
	for ctx.Err() == nil {
		var l siteLists
		if len(cfg.Datacenters) > 0 { // the order counts, too
			l.datacenters, l.datacentersErr = client.Datacenters(ctx)
		}
		if slices.Contains(cfg.Peers, All) {
			l.peers, l.peersErr = client.Peers(ctx)
		}
		l.at = time.Now()
		select {
		case m.lists <- l:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(sitesEvery):
		case <-ctx.Done():
		}
	}
}

// listed takes in which sites there are. What Consul does not tell stays as it was.
func (m *members) listed(l siteLists) {
	m.asked = true
	m.f.note(l)
	if l.datacentersErr == nil && l.datacenters != nil {
		if slices.Contains(m.roster.cfg.Datacenters, All) {
			sites := make([]catalog.Site, len(l.datacenters))
			for i, name := range l.datacenters {
				sites[i] = catalog.Site{Datacenter: name}
			}
			m.enlist(sites, false, l.at)
		}
		m.reorder(l.datacenters)
	}
	if l.peersErr == nil && l.peers != nil {
		sites := make([]catalog.Site, len(l.peers))
		for i, name := range l.peers {
			sites[i] = catalog.Site{Datacenter: m.home.Datacenter, Peer: name}
		}
		m.enlist(sites, true, l.at)
	}
	m.told(l.datacentersErr == nil && l.datacenters != nil, l.peersErr == nil && l.peers != nil)
	m.showHeld()
}

// told notes which kinds of sites are told by now: those are known that are there.
func (m *members) told(datacenters, peers bool) {
	now := *m.f.now.Load()
	now.datacenters, now.peers = now.datacenters || datacenters, now.peers || peers
	m.f.now.Store(&now)
}

// enlist begins to follow sites that are new, and ends with those that are forgotten.
func (m *members) enlist(sites []catalog.Site, peers bool, now time.Time) {
	came, gone := m.roster.listed(sites, peers, now, func(at catalog.Site) bool {
		s := m.sites[at]
		return s != nil && !s.isEmpty()
	})
	for _, at := range came {
		m.add(at)
	}
	for _, at := range gone {
		m.forget(at, "believed")
	}
}

// forget ends with a site.
func (m *members) forget(at catalog.Site, outcome string) {
	if s := m.sites[at]; s != nil {
		m.remove(s)
	}
	i := slices.IndexFunc(m.held, func(h Hold) bool { return h.Entry == siteEntry(at) })
	if i >= 0 {
		m.tell(m.held[i], outcome)
		m.held = slices.Delete(m.held, i, i+1)
	}
	m.reorder(m.nearest.order)
}

// reorder takes in in which order Consul lists the datacenters.
func (m *members) reorder(listed []string) {
	var names []string
	follows := func(name string) bool {
		_, is := m.roster.missing[catalog.Site{Datacenter: name}]
		return is && name != m.home.Datacenter && !slices.Contains(names, name)
	}
	for _, name := range slices.Concat(listed, m.nearest.order) { // what is listed no longer stays as long as it is followed
		if follows(name) {
			names = append(names, name)
		}
	}
	if m.nearest.told(names) {
		m.f.log.Info("the datacenters by their distance", "nearest_first", m.nearest.order)
		m.pending = append(m.pending, m.nearest.delta())
	}
}

// showHeld shows which sites are not listed any more, and tells of those that are new among them, and of those that are
// listed again.
func (m *members) showHeld() {
	before := m.held
	m.held = m.roster.held()
	for _, h := range m.held {
		if !slices.ContainsFunc(before, func(o Hold) bool { return o.Entry == h.Entry }) {
			m.f.log.Warn("consul does not list a site any more, its services are kept until that is sure", "site", h.Entry, "until", h.Until.Format(time.RFC3339), "remedy", h.Remedy)
			m.tell(h, "")
		}
	}
	for _, h := range before {
		if !slices.ContainsFunc(m.held, func(o Hold) bool { return o.Entry == h.Entry }) {
			m.tell(h, "refuted")
		}
	}
	for at, s := range m.sites {
		s.metrics.SiteHeld(slices.ContainsFunc(m.held, func(h Hold) bool { return h.Entry == siteEntry(at) }))
	}
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	m.f.held = slices.Clone(m.held)
}

// tell tells that a hold of a site begins, or how it is over.
func (m *members) tell(h Hold, outcome string) {
	change := HoldChange{Hold: h, Outcome: outcome}
	if outcome != "" {
		change.Held = time.Since(h.Since)
		m.f.log.Info("a hold is over", "site", h.Entry, "outcome", outcome, "held_seconds", change.Held.Seconds())
	}
	if m.f.tell != nil {
		m.f.tell([]HoldChange{change})
	}
}

// release forgets the sites that are held for which of is true, and returns how many.
func (m *members) release(of func(catalog.Site) bool) (n int) {
	for _, at := range m.roster.follows() {
		if of(at) && m.roster.release(at) {
			m.forget(at, "released")
			n++
		}
	}
	m.showHeld()
	return n
}

// note notes what keeps Consul from saying which sites there are, for the status.
func (f *Federation) note(l siteLists) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var problems []catalog.Problem
	for _, one := range []struct {
		what string
		err  error
	}{{"datacenters", l.datacentersErr}, {"peers", l.peersErr}} {
		if one.err == nil {
			continue
		}
		kind := "no_" + one.what
		p := catalog.Problem{
			Kind: kind, Since: l.at, Remedy: consul.RemedyOf(one.err),
			Detail: "Consul does not say which " + one.what + " there are, those that are known stay: " + one.err.Error(),
		}
		i := slices.IndexFunc(f.problems, func(o catalog.Problem) bool { return o.Kind == kind })
		if i >= 0 {
			p.Since = f.problems[i].Since
		} else {
			f.log.Warn("consul does not say which sites there are, those that are known stay", "what", one.what, "error", one.err, "remedy", p.Remedy)
		}
		problems = append(problems, p)
	}
	slices.SortFunc(problems, func(a, b catalog.Problem) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Kind, b.Kind)) })
	f.problems = problems
}
