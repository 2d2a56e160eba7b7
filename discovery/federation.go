package discovery

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/watch"
	"legate/metrics"
)

// Federation follows the services of the own datacenter and of other sites: datacenters that Consul
// federates with it, and its peers. Each has a Watcher of its own, with its own guard, holds and status, and
// asks over its share of one connection pool: so a site that hangs, dies or lies changes nothing for
// another one. What a reader may rely on, beside what a Watcher promises for each site:
//
//   - The first Delta is complete for the own datacenter. Other sites are waited for, four fifths of Config.SiteWait at
//     the most; one that fails meanwhile is not. What was last known of a site, from its seed, does not wait.
//   - A Delta has changes of one site, apart from the first.
//   - A site that cannot be reached keeps its last known services, and its status says so.
//   - A site that is no longer configured, or was forgotten, is taken back in one Delta.
type Federation struct {
	log     *slog.Logger
	metrics *metrics.Consul
	own     *Watcher
	start   *watch.Start // over when the first Delta is served

	seededOrder []string                   // of the datacenters, the nearest first
	dates       map[catalog.Site]time.Time // of what was seeded

	wanted  func(service string) bool
	want    func(catalog.ServiceKey) bool // what is followed of what is listed; nil: all
	needs   func(catalog.ServiceKey) bool // what others are served from; nil: unknown
	tell    func([]HoldChange)
	begun   chan struct{}       // closed when commands are taken
	ended   chan struct{}       // closed when they are not any more
	command chan func(*members) // what its loop does between two events

	now   atomic.Pointer[followed]
	waits atomic.Value // a time.Time: until when a start waits for what is read elsewhere

	mu  sync.Mutex
	cfg Config // with what is selected now

	seeded   catalog.Catalog // of other sites that were not followed yet
	held     []Hold          // sites that Consul lists no longer
	problems []catalog.Problem
}

// NewFederation checks the configuration and reads the files it names. It does not connect. The
// logger and the metrics may be nil.
func NewFederation(cfg Config, log *slog.Logger, m *metrics.Consul) (*Federation, error) {
	return newFederation(cfg, log, m, nil)
}

// newFederation asks over rt, or over connections of its own if that is nil.
func newFederation(cfg Config, log *slog.Logger, m *metrics.Consul, rt http.RoundTripper) (*Federation, error) {
	own, err := newWatcher(cfg, log, m, rt)
	if err != nil {
		return nil, err
	}
	f := &Federation{
		cfg: cfg, log: own.log, metrics: m, own: own, start: watch.NewStart(), wanted: func(string) bool { return true },
		begun: make(chan struct{}), ended: make(chan struct{}), command: make(chan func(*members)),
	}
	own.queries.Join(f.start)
	f.now.Store(&followed{})
	return f, nil
}

// Prefer is [Watcher.Prefer]. A service of another site is also asked for by its name there, such as web.dc2.
func (f *Federation) Prefer(wanted func(service string) bool) {
	f.wanted = wanted
	f.own.Prefer(wanted)
}

// TellHolds is [Watcher.TellHolds], for all sites.
func (f *Federation) TellHolds(tell func([]HoldChange)) {
	f.tell = tell
	f.own.TellHolds(tell)
}

// Seed is [Watcher.Seed], for all sites. own is the datacenter that the seed was read in, and dates are when
// Consul said what it has of the others.
func (f *Federation) Seed(own string, c catalog.Catalog, dates map[catalog.Site]time.Time) {
	mine, others := catalog.New(), catalog.New()
	for key, s := range c.Services {
		if key.Site() == (catalog.Site{Datacenter: own}) {
			mine.Services[key] = s
		} else {
			others.Services[key] = s
		}
	}
	for key, e := range c.Entries {
		if key == nearestKey() {
			f.seededOrder = e.Datacenters
		} else {
			mine.Entries[key] = e
		}
	}
	f.own.Seed(mine)
	f.seeded, f.dates = others, dates
}

// Follow is [Watcher.Follow], for all sites.
func (f *Federation) Follow(want func(catalog.ServiceKey) bool) {
	f.want = want
	f.own.Follow(f.follows(false))
}

// Need has those services followed, too, for which needs is true: others are served from them. With
// RemoteFailover only these are followed at other sites. It is called before Run. needs must not block. Where its
// answer may have changed, Reconsider is to be called.
func (f *Federation) Need(needs func(catalog.ServiceKey) bool) {
	f.needs = needs
	f.own.Follow(f.follows(false))
}

// Awaits reports whether something that others are served from is about to be there, which has does not have yet: Consul
// lists it, and was not asked for it until it was needed. A site that fails is not waited for. With the wait for the first
// Delta it takes Config.SiteWait at the most from when the own datacenter was read, if there are other sites.
func (f *Federation) Awaits(has func(catalog.ServiceKey) bool) bool {
	if until, is := f.waits.Load().(time.Time); f.needs == nil || is && !time.Now().Before(until) {
		return false
	}
	missing := func(key catalog.ServiceKey) bool { return !has(key) && f.needs(key) }
	return f.own.awaits(missing) || slices.ContainsFunc(f.others(), func(s *site) bool { return s.awaits(missing) })
}

// follows says what is followed of what is listed, in the own datacenter or elsewhere; nil: all.
func (f *Federation) follows(elsewhere bool) func(catalog.ServiceKey) bool {
	want, needs := f.want, f.needs
	switch {
	case elsewhere && needs != nil && f.own.cfg.RemoteServices == RemoteFailover:
		return needs
	case want == nil || needs == nil:
		return want
	}
	return func(key catalog.ServiceKey) bool { return want(key) || needs(key) }
}

// Reconsider is [Watcher.Reconsider], for all sites. A service of the own datacenter may be served from those of its name
// elsewhere, so that these are asked about, too.
func (f *Federation) Reconsider(keys ...catalog.ServiceKey) {
	others := f.others()
	if len(keys) == 0 || len(others) == 0 {
		f.own.Reconsider(keys...)
		for _, one := range others {
			one.Reconsider(keys...)
		}
		return
	}
	by := map[catalog.Site][]catalog.ServiceKey{}
	home := catalog.Site{Datacenter: f.Datacenter()}
	for _, key := range keys {
		by[key.Site()] = append(by[key.Site()], key)
		for _, one := range others {
			if key.Site() == home {
				by[one.at] = append(by[one.at], one.at.Service(key.Name))
			}
		}
	}
	for _, one := range others {
		if keys := by[one.at]; len(keys) > 0 {
			one.Reconsider(keys...)
		}
		delete(by, one.at)
	}
	for _, keys := range by { // of the own datacenter, and of sites that are not followed, which it leaves alone
		f.own.Reconsider(keys...)
	}
}

// Served says that the first Delta is served. Only then blocking queries are opened: before, each would cost Consul
// and Legate what the first reads of all sites need. A service that was read waits for that for 20 s at most. It is called once.
func (f *Federation) Served() { f.start.Over() }

// Datacenter is the own one; empty until known. It is fast.
func (f *Federation) Datacenter() string { return f.own.Datacenter() }

// Unfollowed is [Watcher.Unfollowed], of the own datacenter.
func (f *Federation) Unfollowed() []string { return f.own.Unfollowed() }

// Run is [Watcher.Run], for all sites.
func (f *Federation) Run(ctx context.Context, out chan<- catalog.Delta) error {
	if !f.own.cfg.federated() {
		return f.own.Run(ctx, out)
	}
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	own, ended := make(chan catalog.Delta), make(chan error, 1)
	group.Go(func() { ended <- f.own.Run(ctx, own) })
	select {
	case err := <-ended:
		return err
	case <-f.own.begun:
	}
	close(f.begun)
	home := f.Datacenter()
	if err := f.own.cfg.connections(home); err != nil {
		f.log.Warn("some sites may not be read: connections are short", "error", err)
	}
	newMembers(f, home, &group).run(ctx, own, out)
	close(f.ended)
	cancel()
	return <-ended
}

// Select is [Watcher.Select], for all sites.
func (f *Federation) Select(s catalog.Selection) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cfg = f.cfg.Selecting(s)
	f.own.Select(s)
	for _, one := range f.others() {
		one.Select(s)
	}
}

// MassCritical is [Watcher.MassCritical], for all sites.
func (f *Federation) MassCritical(policy string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cfg.Guard.MassCritical = policy
	f.own.MassCritical(policy)
	for _, one := range f.others() {
		one.MassCritical(policy)
	}
}

// others are the sites that are followed now beside the own datacenter, in order. The slice does not change.
func (f *Federation) others() []*site { return f.now.Load().sites }

// site is another site than the own datacenter.
type site struct {
	*Watcher
	at     catalog.Site
	stop   context.CancelFunc
	served map[catalog.ServiceKey]struct{} // what the reader has of it
	known  bool                            // something of it was known before the start
	came   bool                            // something of it was taken from its Watcher, be it nothing
}

// takeSeed is what was known of a site before the start. It counts once: a site that was forgotten, and comes
// again, is another one. It needs the lock.
func (f *Federation) takeSeed(at catalog.Site) catalog.Catalog {
	seed := catalog.New()
	for key, s := range f.seeded.Services {
		if key.Site() == at {
			seed.Services[key] = s
			delete(f.seeded.Services, key)
		}
	}
	return seed
}

// isEmpty says that nothing of the site is served, nor will be before Consul was asked.
func (s *site) isEmpty() bool { return len(s.served) == 0 && (s.came || !s.known) }

// note notes what the reader has of the site after a Delta.
func (s *site) note(d catalog.Delta) {
	s.came = true
	for i := range d.Set {
		s.served[d.Set[i].Key] = struct{}{}
	}
	for _, key := range d.Gone {
		delete(s.served, key)
	}
}

// gone is the Delta that takes all of it back.
func (s *site) gone() catalog.Delta {
	return catalog.Delta{Gone: slices.SortedFunc(maps.Keys(s.served), catalog.ServiceKey.Compare), Since: time.Now()}
}
