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
