package discovery

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
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

func TestADatacenterThatComesIsFollowedWithinAMinute(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web"))
	federating(t, sitesConfig(), fake, nowhere, func(t *testing.T, r *federated) {
		r.is("one datacenter", "web.dc1:1")
		fake.with("dc2", newFakeConsul("web")).peered("cluster01", newFakeConsul("api"))
		time.Sleep(time.Minute)
		r.is("another one, and a peer", "web.dc1:1", "api.cluster01.peer:1", "web.dc2:1")
		if !slices.Equal(r.order(), []string{"dc2"}) {
			t.Errorf("the nearest datacenters are %v", r.order())
		}
	})
}

func TestADatacenterThatIsNotListedAnyMoreIsKeptUntilThatIsSure(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("web", "api")).with("dc3", newFakeConsul("web")).with("dc4", newFakeConsul())
	cfg := sitesConfig()
	var told []string
	federating(t, cfg, fake, func(f *Federation) {
		f.TellHolds(func(all []HoldChange) {
			for _, h := range all {
				told = append(told, h.Name()+" "+h.Outcome)
			}
		})
	}, func(t *testing.T, r *federated) {
		all := []string{"web.dc1:1", "api.dc2:1", "web.dc2:1", "web.dc3:1"}
		r.is("all", all...)
		time.Sleep(time.Second) // not at the same time as Consul is asked
		fake.list("dc1")        // as a server that has just started does
		time.Sleep(time.Minute)
		r.is("all still", all...)
		holds := r.Holds()
		if remedy := "--service datacenter/NAME or peer/NAME;"; !strings.Contains(holds[0].Remedy, remedy) {
			t.Errorf("remedy %q, want %q", holds[0].Remedy, remedy)
		}
		if len(holds) != 2 || holds[0].Name() != "datacenter/dc2" || holds[1].Name() != "datacenter/dc3" || len(r.Status().Sites) != 2 {
			t.Fatalf("held: %v; one without services is forgotten at once; status: %+v", holds, r.Status().Sites)
		}
		for _, s := range r.Status().Sites {
			if s.Held != 1 {
				t.Errorf("%s: %d are held, want the site itself", s.Site(), s.Held)
			}
		}
		if until := time.Until(holds[0].Until); until < cfg.Guard.DatacenterHold-2*time.Minute || until > cfg.Guard.DatacenterHold {
			t.Errorf("it is held for %v", until)
		}
		if _, held := problem(r.Status(), "held_site"); !held {
			t.Errorf("problems: %v", r.Status().Problems)
		}
		fake.list("dc1", "dc3")
		time.Sleep(time.Minute)
		if n := r.release("datacenter/dc3") + r.release("peer/dc2") + r.release("dc2"); n != 0 {
			t.Errorf("%d released that are not held", n)
		}
		_, before := r.now()
		if n := r.ReleaseSite(t.Context(), "dc2"); n != 1 {
			t.Errorf("%d released", n)
		}
		r.is("without dc2", "web.dc1:1", "web.dc3:1")
		if gone := r.losses(before); len(gone) != 1 || len(gone[0].Gone) != 2 {
			t.Errorf("it went in %+v", gone)
		}
		if !slices.Equal(r.order(), []string{"dc3"}) {
			t.Errorf("the nearest datacenters are %v", r.order())
		}
		fake.list("dc1")
		time.Sleep(cfg.Guard.DatacenterHold + time.Minute)
		r.is("without dc3", "web.dc1:1")
		if n := r.log.Count(`level=WARN msg="a site is followed no longer" site=dc3 services=1`); n != 1 {
			t.Errorf("%d warnings that services of a site went", n)
		}
		if want := []string{"datacenter/dc2 ", "datacenter/dc3 ", "datacenter/dc3 refuted", "datacenter/dc2 released", "datacenter/dc3 ", "datacenter/dc3 believed"}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
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

// What was known of a site before the start does not come back with a site that was forgotten meanwhile.
func TestASiteThatWasForgottenBeginsAnew(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("new"))
	fake.list("dc1")
	federating(t, sitesConfig(), fake, func(f *Federation) { f.Seed("dc1", knownOf(atDC2, "old"), nil) }, func(t *testing.T, r *federated) {
		r.is("it is not listed, and known", "web.dc1:1", "old.dc2:1")
		if n := r.release("datacenter/dc2"); n != 1 {
			t.Errorf("%d released", n)
		}
		r.is("it is forgotten", "web.dc1:1")
		time.Sleep(time.Hour)
		fake.change(func() { fake.frozen["dc2"] = true })
		fake.list("dc1", "dc2")
		time.Sleep(time.Minute)
		r.is("it is back, and hangs", "web.dc1:1")
		fake.change(func() { fake.frozen["dc2"] = false })
		time.Sleep(5 * time.Minute)
		r.is("it is read", "web.dc1:1", "new.dc2:1")
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

// What goes wrong in one datacenter is held there, and says so; the others go on.
func TestTheGuardOfOneDatacenterReactsAlone(t *testing.T) {
	svc1 := name(1)
	for what, c := range map[string]struct {
		wrong func(dc2 *fakeConsul)
		held  int // services
	}{
		"it empties itself": {func(dc2 *fakeConsul) {
			for n := range 20 {
				dc2.set(name(n), -1)
			}
		}, 20},
		"it lost its state": {func(dc2 *fakeConsul) { dc2.forget() }, 20},
		"an old snapshot is restored": {func(dc2 *fakeConsul) {
			for n := range 15 {
				dc2.silently(name(n), -1)
			}
			dc2.restore(5)
		}, 15},
		"its token lost its rights": {func(dc2 *fakeConsul) {
			dc2.spoilWith(func(req *http.Request) (*http.Response, error) {
				return dc2.withHeader(healthPath+"nothing", "X-Consul-Results-Filtered-By-ACLs", "true"), nil
			})
		}, 0}, // such an answer is not believed: there is no loss to hold
		"its servers are gone": {func(dc2 *fakeConsul) { dc2.stop() }, 0},
	} {
		t.Run(what, func(t *testing.T) {
			dc2 := many(20, 3)
			fake := newFakeSites(many(20, 3)).with("dc2", dc2).with("dc3", many(20, 3))
			federating(t, sitesConfig(), fake, nowhere, func(t *testing.T, r *federated) {
				time.Sleep(time.Minute)
				c.wrong(dc2)
				time.Sleep(30 * time.Second)
				all, _ := r.now()
				if len(all.Services) != 60 {
					t.Errorf("%d services", len(all.Services))
				}
				for _, h := range r.Holds() {
					if h.Site() != atDC2 || !strings.HasSuffix(h.Name(), ".dc2") || !strings.Contains(h.Remedy, "legate holds release") {
						t.Errorf("held: %+v, called %q", h, h.Name())
					}
				}
				if n := len(r.Holds()); n != c.held {
					t.Errorf("%d are held, want %d", n, c.held)
				}
				s := r.Status()
				if s.Held != 0 || len(s.Sites) != 2 || s.Sites[0].Held != c.held || s.Sites[1].Held != 0 || len(s.Sites[1].Problems) > 0 || !s.Connected {
					t.Errorf("status: %+v", s)
				}
				if p, said := problem(s, "site"); !said || !strings.HasPrefix(p.Detail, "dc2: ") || p.Remedy == "" {
					t.Errorf("problems: %+v", s.Problems)
				}
				fake.own.set(name(1), 2)
				fake.others["dc3"].set(name(1), 1)
				time.Sleep(time.Minute) // it shrinks to a third
				all, _ = r.now()
				if n, m := len(all.Services[catalog.ServiceKey{Datacenter: "dc1", Name: svc1}].Instances), len(all.Services[catalog.ServiceKey{Datacenter: "dc3", Name: svc1}].Instances); n != 2 || m != 1 {
					t.Errorf("%d and %d instances: the others do not go on", n, m)
				}
			})
		})
	}
}

// A hold of another site is released by the name of the service there; the own datacenter's service of that
// very name comes first.
func TestAHoldIsReleasedByTheNameThere(t *testing.T) {
	dc2 := newFakeConsul("api")
	fake := newFakeSites(newFakeConsul("web")).with("dc2", dc2).peered("cluster01", newFakeConsul("web"))
	for _, c := range []*fakeConsul{fake.own, dc2, fake.peers["cluster01"]} {
		c.set("web", 4)
	}
	fake.own.set("web.dc2", 4)
	federating(t, sitesConfig(), fake, nowhere, func(t *testing.T, r *federated) {
		time.Sleep(time.Minute)
		for _, c := range []*fakeConsul{fake.own, dc2, fake.peers["cluster01"]} {
			c.set("web", 0)
		}
		fake.own.set("web.dc2", 0)
		time.Sleep(2 * time.Second)
		names := func() (names []string) {
			for _, h := range r.Holds() {
				names = append(names, h.Name())
			}
			return names
		}
		if got := names(); !slices.Equal(got, []string{"web", "web.dc2", "web.cluster01.peer", "web.dc2"}) {
			t.Fatalf("held: %q", got)
		}
		for _, c := range []struct {
			release string
			n       int
			left    []string
		}{
			{"web.dc3", 0, []string{"web", "web.dc2", "web.cluster01.peer", "web.dc2"}},
			{"web.cluster01.peer", 1, []string{"web", "web.dc2", "web.dc2"}},
			{"web.dc2", 1, []string{"web", "web.dc2"}},
			{"web.dc2", 1, []string{"web"}},
			{"", 1, nil},
		} {
			if n := r.release(c.release); n != c.n {
				t.Errorf("%d released as %q, want %d", n, c.release, c.n)
			}
			time.Sleep(time.Millisecond)
			if got := names(); !slices.Equal(got, c.left) {
				t.Errorf("held after %q: %q, want %q", c.release, got, c.left)
			}
		}
	})
}

// A mass that is lost in one datacenter is released there, by the command that its remedy names, and nowhere else.
func TestTheHoldsOfOneSiteAreReleasedAlone(t *testing.T) {
	for site, left := range map[string][]catalog.Site{
		"dc1":            {atDC2, atPeer},
		"dc2":            {{Datacenter: "dc1"}, atPeer},
		"cluster01.peer": {{Datacenter: "dc1"}, atDC2},
		"dc3":            {{Datacenter: "dc1"}, atDC2, atPeer},
		"":               {{Datacenter: "dc1"}, atDC2, atPeer},
	} {
		t.Run(site, func(t *testing.T) {
			fake := newFakeSites(many(20, 3)).with("dc2", many(20, 3)).peered("cluster01", many(20, 3))
			federating(t, sitesConfig(), fake, nowhere, func(t *testing.T, r *federated) {
				time.Sleep(time.Minute)
				for _, c := range []*fakeConsul{fake.own, fake.others["dc2"], fake.peers["cluster01"]} {
					for n := range 20 {
						c.set(name(n), 0)
					}
				}
				time.Sleep(5 * time.Second)
				for _, h := range r.Holds() {
					want := "legate holds release --site dc1"
					if h.Site() != (catalog.Site{}) {
						want = "legate holds release --site " + h.Site().String()
					}
					if h.Why != "datacenter" || !strings.HasSuffix(h.Remedy, want) {
						t.Fatalf("%s is held for %s, remedy %q, want %q", h.Name(), h.Why, h.Remedy, want)
					}
				}
				if n, want := r.ReleaseSite(t.Context(), site), 20*(3-len(left)); n != want {
					t.Errorf("%d released, want %d", n, want)
				}
				synctest.Wait()
				by := map[catalog.Site]int{}
				for _, h := range r.Holds() {
					if h.Datacenter == "" {
						h.Datacenter = "dc1"
					}
					by[h.Site()]++
				}
				for _, at := range left {
					if by[at] != 20 {
						t.Errorf("%d are held of %s", by[at], at)
					}
				}
				if len(by) != len(left) {
					t.Errorf("held: %v", by)
				}
			})
		})
	}
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

// What was known of a site before the start is as old as it was until all of it was read.
func TestASiteIsStaleUntilAllOfItWasRead(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("web", "api", "new"))
	fake.others["dc2"].spoil = func(req *http.Request) (*http.Response, error) {
		if strings.HasPrefix(req.URL.Path, healthPath) {
			time.Sleep(20 * time.Second)
		}
		return nil, nil
	}
	date := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	federating(t, sitesConfig(), fake, func(f *Federation) {
		f.Seed("dc1", knownOf(atDC2, "web", "api"), map[catalog.Site]time.Time{atDC2: date})
	}, func(t *testing.T, r *federated) {
		time.Sleep(10 * time.Second)
		s := r.Status().Sites[0]
		if s.LastSuccess.IsZero() || s.Complete {
			t.Fatalf("its list alone is to be read: %+v", s)
		}
		if !s.Stale || !s.Believed.Equal(date) {
			t.Errorf("stale %v, as of %v", s.Stale, s.Believed)
		}
		time.Sleep(time.Minute)
		if s := r.Status().Sites[0]; s.Stale || !s.Complete {
			t.Errorf("when all was read: %+v", s)
		}
	})
}

func TestOneServiceThatFailsMakesNoSiteStale(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("web", "api"))
	federating(t, sitesConfig(), fake, nowhere, func(t *testing.T, r *federated) {
		time.Sleep(time.Minute)
		fake.others["dc2"].spoilWith(garbageFor("web"))
		time.Sleep(time.Minute)
		if s := r.Status().Sites[0]; s.Stale || s.Connected || len(s.Problems) == 0 {
			t.Errorf("one of two: %+v", s)
		}
		fake.others["dc2"].spoilWith(garbageFor("web", "api"))
		time.Sleep(time.Minute)
		if s := r.Status().Sites[0]; !s.Stale {
			t.Errorf("both: %+v", s)
		}
	})
}

// A hint that there are few connections hides nothing that is worse.
func TestASiteIsSummedUpByWhatIsWrongWithIt(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", many(60, 3))
	cfg := sitesConfig()
	cfg.Consul.MaxConnections = 40
	dc2 := fake.others["dc2"]
	federating(t, cfg, fake, nowhere, func(t *testing.T, r *federated) {
		says := func(when, want string) {
			t.Helper()
			if p, _ := problem(r.Status(), "site"); !strings.HasPrefix(p.Detail, "dc2: ") || !strings.Contains(p.Detail, want) {
				t.Errorf("%s: %q, want %q; of %+v", when, p.Detail, want, r.Status().Sites[0].Problems)
			}
		}
		time.Sleep(time.Minute)
		says("all is well", "no connection of their own")
		for n := range 60 {
			dc2.set(name(n), 0)
		}
		time.Sleep(time.Minute)
		says("most is gone", "are gone")
		dc2.stop()
		time.Sleep(2 * time.Minute)
		says("it is dead", "connection refused")
	})
}
