package discovery

import (
	"slices"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
)

var (
	atDC2   = catalog.Site{Datacenter: "dc2"}
	atPeer  = catalog.Site{Datacenter: "dc1", Peer: "cluster01"}
	nowhere = func(*Federation) {}
)

// knownOf is a seed of one instance for each of these services of a site.
func knownOf(at catalog.Site, names ...string) catalog.Catalog {
	c := catalog.New()
	for _, s := range seedOf(at.Datacenter, names...).Services {
		s.Key = at.Service(s.Key.Name)
		c.Services[s.Key] = s
	}
	return c
}

func TestTheFirstDeltaHasWhatThereIsOfAllSites(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("web", "api")).peered("cluster01", newFakeConsul("web"))
	federating(t, sitesConfig(), fake, nowhere, func(t *testing.T, r *federated) {
		r.is("all that there is", "web.dc1:1", "web.cluster01.peer:1", "api.dc2:1", "web.dc2:1")
		if _, n := r.now(); n != 1 {
			t.Errorf("%d Deltas", n)
		}
		if !slices.Equal(r.order(), []string{"dc2"}) {
			t.Errorf("the nearest datacenters are %v", r.order())
		}
		s := r.Status()
		if s.Services != 1 || len(s.Sites) != 2 || s.Sites[0].Site() != atPeer || s.Sites[1].Site() != atDC2 || s.Sites[1].Services != 2 || s.Sites[1].Stale {
			t.Errorf("status: %+v", s)
		}
		fake.others["dc2"].set("web", 2)
		r.is("a change in dc2", "web.dc1:1", "web.cluster01.peer:1", "api.dc2:1", "web.dc2:2")
		fake.peers["cluster01"].set("api", 3)
		time.Sleep(6 * time.Second) // names of a peer are polled
		r.is("the peer exports one more", "web.dc1:1", "api.cluster01.peer:3", "web.cluster01.peer:1", "api.dc2:1", "web.dc2:2")
	})
}

func TestASiteThatHangsIsWaitedForNotForLong(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("web"))
	fake.frozen["dc2"] = true
	cfg := sitesConfig()
	federating(t, cfg, fake, nowhere, func(t *testing.T, r *federated) {
		time.Sleep(cfg.SiteWait / 2)
		if _, n := r.now(); n != 0 {
			t.Errorf("%d Deltas before the wait was over", n)
		}
		time.Sleep(cfg.SiteWait / 2)
		r.is("the own datacenter", "web.dc1:1")
		fake.own.set("web", 2)
		r.is("which goes on", "web.dc1:2")
		if s := r.Status(); len(s.Sites) != 1 || !s.Sites[0].Stale || !s.Connected {
			t.Errorf("status: %+v", s)
		}
		fake.change(func() { fake.frozen["dc2"] = false })
		time.Sleep(2 * time.Minute)
		r.is("the other one comes when it can", "web.dc1:2", "web.dc2:1")
	})
}

func TestASiteThatIsDeadIsNotWaitedFor(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", nil)
	federating(t, sitesConfig(), fake, nowhere, func(t *testing.T, r *federated) {
		time.Sleep(time.Second)
		r.is("the own datacenter", "web.dc1:1")
		s := r.Status()
		if len(s.Sites) != 1 || !s.Sites[0].Stale || len(s.Problems) != 1 || s.Problems[0].Kind != "site" || !strings.HasPrefix(s.Problems[0].Detail, "dc2: ") {
			t.Errorf("status: %+v", s)
		}
	})
}

// Restarted while dc2 hangs: what was last known of it is served at once.
func TestWhatWasKnownOfASiteThatHangsIsServed(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("web", "new"))
	fake.frozen["dc2"] = true
	date := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	federating(t, sitesConfig(), fake, func(f *Federation) {
		known := knownOf(atDC2, "web", "old")
		for key, s := range knownOf(catalog.Site{Datacenter: "dc3"}, "web").Services { // is listed no longer
			known.Services[key] = s
		}
		known.Entries[nearestKey()] = catalog.Entry{Key: nearestKey(), Datacenters: []string{"dc3", "dc2", "dc4"}}
		f.Seed("dc1", known, map[catalog.Site]time.Time{atDC2: date})
	}, func(t *testing.T, r *federated) {
		r.is("the own datacenter, with what was known of the others", "web.dc1:1", "old.dc2:1", "web.dc2:1", "web.dc3:1")
		if c, n := r.now(); n != 1 || c.Services[atDC2.Service("web")].Instances[0].Address != "10.9.9.9" {
			t.Errorf("%d Deltas, %+v", n, c.Services)
		}
		if s := r.Status(); len(s.Sites) != 2 || !s.Sites[0].Stale || !s.Sites[0].Believed.Equal(date) {
			t.Errorf("status: %+v", s.Sites)
		}
		if !slices.Equal(r.order(), []string{"dc3", "dc2"}) {
			t.Errorf("the nearest datacenters are %v", r.order())
		}
		if h := r.Holds(); len(h) != 1 || h[0].Name() != "datacenter/dc3" {
			t.Errorf("holds: %v", h)
		}
		fake.change(func() { fake.frozen["dc2"] = false })
		time.Sleep(5 * time.Minute)
		r.is("dc2 is read, and the loss of one is believed", "web.dc1:1", "new.dc2:1", "web.dc2:1", "web.dc3:1")
	})
}

// All checks of a peer cannot be asked for: what has no connection of its own is read in turn.
func TestAPeerHasNoSignals(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).peered("cluster01", many(60, 1))
	cfg := sitesConfig()
	cfg.Consul.MaxConnections = 40
	federating(t, cfg, fake, nowhere, func(t *testing.T, r *federated) {
		time.Sleep(time.Minute)
		if s := r.Status(); s.Mode != "direct" || len(s.Sites) != 1 || s.Sites[0].Mode != "sweep" || s.Sites[0].Swept == 0 || s.Sites[0].Stale {
			t.Errorf("status: %+v", s)
		}
		for n := range 60 {
			fake.peers["cluster01"].set(name(n), 2)
		}
		time.Sleep(2 * cfg.Watch.SweepPeriod)
		for n := range 60 {
			if got := r.size(atPeer.Service(name(n))); got != 2 {
				t.Fatalf("%s has %d instances after two rounds", name(n), got)
			}
		}
	})
}

// losses are the Deltas since that take services back.
func (r *federated) losses(since int) (all []catalog.Delta) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.deltas[since:] {
		if len(d.Gone) > 0 {
			all = append(all, d)
		}
	}
	return all
}

// problem is the problem of a kind.
func problem(s Status, kind string) (catalog.Problem, bool) {
	i := slices.IndexFunc(s.Problems, func(p catalog.Problem) bool { return p.Kind == kind })
	if i < 0 {
		return catalog.Problem{}, false
	}
	return s.Problems[i], true
}

func TestWhatConsulDoesNotListForLackOfRightsIsSaid(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("web")).peered("cluster01", newFakeConsul("web"))
	federating(t, sitesConfig(), fake, nowhere, func(t *testing.T, r *federated) {
		all := []string{"web.dc1:1", "web.cluster01.peer:1", "web.dc2:1"}
		r.is("all", all...)
		fake.change(func() { fake.denied, fake.listsFail = true, true })
		time.Sleep(2 * time.Minute)
		r.is("what is known stays", all...)
		p, said := problem(r.Status(), "no_peers")
		if !said || !strings.Contains(p.Remedy, `peering = "read"`) {
			t.Errorf("problems: %+v", r.Status().Problems)
		}
		if _, said := problem(r.Status(), "no_datacenters"); !said || len(r.Holds()) > 0 {
			t.Errorf("problems: %+v, holds: %v", r.Status().Problems, r.Holds())
		}
		fake.peers["cluster01"].set("web", 2)
		r.is("changes flow", "web.dc1:1", "web.cluster01.peer:2", "web.dc2:1")
		fake.change(func() { fake.denied, fake.listsFail = false, false })
		time.Sleep(2 * time.Minute)
		if s := r.Status(); len(s.Problems) > 0 {
			t.Errorf("problems: %+v", s.Problems)
		}
	})
}

func TestTheOrderOfDatacentersChangesOnlyWhenItStays(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("web")).with("dc3", newFakeConsul("web"))
	federating(t, sitesConfig(), fake, nowhere, func(t *testing.T, r *federated) {
		if !slices.Equal(r.order(), []string{"dc2", "dc3"}) {
			t.Fatalf("the nearest datacenters are %v", r.order())
		}
		time.Sleep(time.Second) // not at the same time as Consul is asked
		_, before := r.now()
		for range 20 {
			fake.list("dc1", "dc3", "dc2")
			time.Sleep(2 * sitesEvery)
			fake.list("dc1", "dc2", "dc3")
			time.Sleep(sitesEvery)
		}
		if _, n := r.now(); n != before {
			t.Errorf("%d Deltas while the order flaps", n-before)
		}
		fake.list("dc3", "dc1", "dc2")
		time.Sleep((nearestTurns + 1) * sitesEvery)
		if !slices.Equal(r.order(), []string{"dc3", "dc2"}) {
			t.Errorf("the nearest datacenters are %v", r.order())
		}
	})
}

// A start may wait for its own datacenter for days.
func TestWhatChangesElsewhereWhileTheOwnDatacenterCannotBeReadIsNotPiledUp(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("web", "api"))
	fake.own.spoil = garbageFor("web")
	federating(t, sitesConfig(), fake, nowhere, func(t *testing.T, r *federated) {
		time.Sleep(time.Minute)
		for n := range 30 {
			fake.others["dc2"].set("web", 1+n%2)
			time.Sleep(5 * time.Second)
		}
		fake.others["dc2"].set("web", 3)
		time.Sleep(5 * time.Second)
		waiting := make(chan int, 1)
		r.command <- func(m *members) { waiting <- len(m.pending) }
		if n := <-waiting; n > 1 {
			t.Errorf("%d Deltas wait", n)
		}
		if _, n := r.now(); n != 0 {
			t.Fatalf("%d Deltas before the own datacenter was read", n)
		}
		fake.own.spoilWith(nil)
		time.Sleep(time.Minute)
		r.is("all, as it is now", "web.dc1:1", "api.dc2:1", "web.dc2:3")
		if _, n := r.now(); n != 1 {
			t.Errorf("%d Deltas", n)
		}
	})
}
