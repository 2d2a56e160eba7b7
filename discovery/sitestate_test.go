package discovery

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"legate/discovery/catalog"
)

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
