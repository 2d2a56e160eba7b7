package discovery

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"legate/discovery/catalog"
)

// members is a Federation's event loop. It decides which sites are followed, and makes one stream of what their
// Watchers hand out. It is one goroutine's.
type members struct {
	f       *Federation
	home    catalog.Site // the own datacenter
	group   *sync.WaitGroup
	ctx     context.Context
	arrived chan arrival
	lists   chan siteLists
	asked   bool // Consul was asked for its lists once
	roster  *roster
	nearest nearest
	sites   map[catalog.Site]*site
	held    []Hold          // sites that Consul lists no longer
	pending []catalog.Delta // for the reader, the oldest first
}

// arrival is what a site's Watcher hands out.
type arrival struct {
	from  *site
	delta catalog.Delta
}

func newMembers(f *Federation, home string, group *sync.WaitGroup) *members {
	m := &members{f: f, home: catalog.Site{Datacenter: home}, group: group, arrived: make(chan arrival), lists: make(chan siteLists), sites: map[catalog.Site]*site{}}
	m.roster = newRoster(f.own.cfg, m.home, f.seeded)
	for _, name := range f.seededOrder {
		if _, followed := m.roster.missing[catalog.Site{Datacenter: name}]; followed {
			m.nearest.order = append(m.nearest.order, name)
		}
	}
	return m
}

// forNeeds is which part of the wait for other sites is kept for what services here turn out to be served from: only a first
// Delta tells. See [Federation.Awaits].
const forNeeds = 5

// failing is how often sites are looked at that are waited for, whether they fail.
const failing = 50 * time.Millisecond

// run hands out Deltas until ctx ends.
func (m *members) run(ctx context.Context, own <-chan catalog.Delta, out chan<- catalog.Delta) {
	m.ctx = ctx
	for _, at := range m.roster.follows() {
		m.add(at)
	}
	all := m.roster.cfg
	m.told(!slices.Contains(all.Datacenters, All), !slices.Contains(all.Peers, All))
	m.group.Go(func() { m.list(ctx) })
	if !m.handOutFirst(own, out) {
		return
	}
	for {
		var offer chan<- catalog.Delta
		var next catalog.Delta
		mine, others := own, m.arrived
		if len(m.pending) > 0 { // who has something to say waits, and says it all at once
			offer, next, mine, others = out, m.pending[0], nil, nil
		}
		select {
		case <-ctx.Done():
			return
		case offer <- next:
			m.pending = m.pending[1:]
		case d := <-mine:
			m.pending = append(m.pending, d)
		case a := <-others:
			m.take(a)
		case l := <-m.lists:
			m.listed(l)
		case do := <-m.f.command:
			do(m)
		}
	}
}

// handOutFirst hands out the first Delta: that of the own datacenter, with what there is of the other
// sites by then. It is false if ctx ended before.
func (m *members) handOutFirst(own <-chan catalog.Delta, out chan<- catalog.Delta) bool {
	var first early
	var late <-chan time.Time
	wait := m.f.own.cfg.SiteWait
	look := time.NewTicker(failing)
	defer look.Stop()
	m.pending = append(m.pending, m.nearest.delta())
	for came := false; !came || m.awaits(); first.take(m) {
		select {
		case <-m.ctx.Done():
			return false
		case d := <-own:
			own, came, late = nil, true, time.After(wait-wait/forNeeds)
			m.f.waits.Store(time.Now().Add(wait))
			m.pending = append(m.pending, d)
		case a := <-m.arrived:
			m.take(a)
		case l := <-m.lists:
			m.listed(l)
		case do := <-m.f.command:
			do(m)
		case <-look.C:
		case <-late:
			m.f.log.Warn("some sites were not read in time, going on without them until they are", "sites", m.unread(), "waited", (wait - wait/forNeeds).String(),
				"remedy", "legate status says what is wrong with them")
			m.asked = true
			for _, s := range m.sites {
				s.came = true
			}
		}
	}
	d := first.delta()
	for {
		select {
		case <-m.ctx.Done():
			return false
		case l := <-m.lists:
			m.listed(l)
		case do := <-m.f.command:
			do(m)
		case out <- d:
			return true
		}
	}
}

// awaits says whether a site was not read yet, and may be soon.
func (m *members) awaits() bool {
	for _, s := range m.sites {
		if !s.came && (s.known || !s.fails()) { // what is known comes in any case
			return true
		}
	}
	return !m.asked
}

// unread names the sites that were not read yet.
func (m *members) unread() (names []string) {
	for _, s := range m.sites {
		if !s.came {
			names = append(names, s.at.String())
		}
	}
	slices.Sort(names)
	return names
}

// take takes what a site hands out, if the site is still followed.
func (m *members) take(a arrival) {
	if m.sites[a.from.at] != a.from {
		return
	}
	a.from.note(a.delta)
	if !a.delta.Empty() {
		m.pending = append(m.pending, a.delta)
	}
}

// add begins to follow a site.
func (m *members) add(at catalog.Site) {
	f := m.f
	counts := f.metrics.At(at.Datacenter, at.Peer)
	f.mu.Lock() // what is selected changes for all or none
	defer f.mu.Unlock()
	w, err := f.own.at(at, f.cfg, counts)
	if err != nil {
		f.log.Error("a site cannot be watched", "site", at.String(), "error", err)
		return
	}
	seed := f.takeSeed(at)
	w.Seed(seed)
	w.TellHolds(f.tell)
	w.Follow(f.follows(true))
	w.queries.Join(f.start)
	w.Prefer(func(service string) bool { return f.wanted(service) || f.wanted(service+"."+at.String()) })
	ctx, stop := context.WithCancel(m.ctx)
	s := &site{Watcher: w, at: at, stop: stop, served: map[catalog.ServiceKey]struct{}{}, known: len(f.cfg.Selection().Of(seed).Services) > 0}
	m.sites[at] = s
	f.now.Store(f.now.Load().with(s))
	f.log.Info("a site is followed", "site", at.String())
	deltas := make(chan catalog.Delta)
	m.group.Go(func() {
		defer close(deltas)
		defer counts.Gone()
		_ = w.Run(ctx, deltas) // it has no error where the datacenter is named
	})
	m.group.Go(func() {
		for d := range deltas {
			select {
			case m.arrived <- arrival{s, d}:
			case <-ctx.Done():
			}
		}
	})
}

// remove ends to follow a site, and has what the reader has of it taken back.
func (m *members) remove(s *site) {
	s.stop()
	delete(m.sites, s.at)
	f := m.f
	f.now.Store(f.now.Load().without(s))
	level := slog.LevelInfo
	if len(s.served) > 0 {
		level = slog.LevelWarn // what was served is not any more
	}
	f.log.Log(m.ctx, level, "a site is followed no longer", "site", s.at.String(), "services", len(s.served))
	if d := s.gone(); !d.Empty() {
		m.pending = append(m.pending, d)
	}
}

// early is what all Deltas make that came before the first one is handed out: however many there are, it is one catalog.
type early struct {
	all   catalog.Catalog
	since time.Time // of the oldest
}

// take takes what waits for the reader.
func (e *early) take(m *members) {
	for _, d := range m.pending {
		e.all = e.all.Apply(d)
		if e.since.IsZero() || !d.Since.IsZero() && d.Since.Before(e.since) {
			e.since = d.Since
		}
	}
	m.pending = nil
}

// delta is the Delta that does what all did, for a reader who has nothing yet.
func (e *early) delta() catalog.Delta {
	d := catalog.Catalog{}.Diff(e.all)
	d.Since = e.since
	return d
}
