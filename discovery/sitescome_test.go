package discovery

import (
	"slices"
	"strings"
	"testing"
	"time"
)

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
