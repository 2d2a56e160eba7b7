package discovery

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

func TestBlockingQueriesAreOpenedAfterEverythingWasRead(t *testing.T) {
	const services = 500
	fake := newFakeConsul()
	for n := range services {
		fake.set(fmt.Sprintf("svc-%03d", n), 1)
	}
	fake.takes = 100 * time.Millisecond
	cfg := fakeConfig()
	cfg.Consul.MaxConnections = 2 * services
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if watched(fake) > 0 || r.Status().Complete {
			t.Fatal("a blocking query was opened while others waited for their first answer")
		}
		fake.set("svc-000", 2) // read already: what its query asks for comes after that
		for !r.Status().Complete {
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		if n := watched(fake); n < openFirst || n > openFirst+openRate/100 {
			t.Errorf("%d were opened at once", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := watched(fake); n < services {
			t.Errorf("%d of %d were opened a second later", n, services)
		}
		if c, _ := r.now(); !r.has("svc-000", catalog.Passing, catalog.Passing)(c) {
			t.Error("a change between the read and the blocking query was missed")
		}
	})
}

func TestOneServiceThatIsNotReadKeepsNoBlockingQueryBackForLong(t *testing.T) {
	fake := newFakeConsul("a", "b", "c")
	fake.spoil = garbageFor("a", "b") // too many of three to go on without
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(openPatience - time.Second)
		if n := watched(fake); n > 0 {
			t.Errorf("%d were opened", n)
		}
		time.Sleep(2 * time.Second)
		if n := watched(fake); n != 1 {
			t.Errorf("%d were opened after all, want that of c", n)
		}
	})
}

// watched is how many blocking queries of services were asked since the start.
func watched(f *fakeConsul) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, q := range f.asked {
		if q.index > 0 && strings.HasPrefix(q.path, healthPath) {
			n++
		}
	}
	return n
}

// Nothing of any site is handed out before all were read, so that none has blocking queries before: they would cost the
// agent the time of the others' first reads. The one that hangs is waited for as long as the first Delta waits.
func TestBlockingQueriesAreOpenedAfterEverySiteWasRead(t *testing.T) {
	for name, hangs := range map[string]bool{"dc2 is slow": false, "dc2 hangs": true} {
		t.Run(name, func(t *testing.T) {
			slow := newFakeConsul("web")
			slow.takes = time.Second
			fake := newFakeSites(newFakeConsul("web", "api")).with("dc2", slow).with("dc3", newFakeConsul("web"))
			fake.frozen["dc2"] = hangs
			cfg := sitesConfig()
			federating(t, cfg, fake, nowhere, func(t *testing.T, r *federated) {
				for n := 0; n == 0; _, n = r.now() {
					if n := watched(fake.own) + watched(fake.others["dc3"]); n > 0 {
						t.Fatalf("%d blocking queries were opened before the first Delta", n)
					}
					time.Sleep(100 * time.Millisecond)
					synctest.Wait()
				}
				fake.own.set("web", 2)
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
				if own, other := watched(fake.own), watched(fake.others["dc3"]); own < 2 || other != 1 {
					t.Errorf("%d and %d blocking queries were opened after it", own, other)
				}
				if c, _ := r.now(); len(c.Services[catalog.Site{Datacenter: "dc1"}.Service("web")].Instances) != 2 {
					t.Errorf("a change is not seen: %v", c.Services)
				}
			})
		})
	}
}

// The own datacenter may be away for days. What is read of others meanwhile is followed by queries like any other, each of
// which was kept back once.
func TestABlockingQueryIsKeptBackOnce(t *testing.T) {
	dc2 := newFakeConsul("web")
	fake := newFakeSites(newFakeConsul("web")).with("dc2", dc2)
	fake.own.spoil = garbageFor("web")
	federating(t, sitesConfig(), fake, nowhere, func(t *testing.T, r *federated) {
		time.Sleep(time.Minute)
		dc2.take()
		for n := range 3 {
			dc2.set("web", 2+n)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if n := watched(dc2); n < 3 {
			t.Errorf("three changes, one a second, were followed by %d blocking queries", n)
		}
	})
}
