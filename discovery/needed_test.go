package discovery

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

// needs are the services that are needed now, as a test has it.
type needs struct {
	mu   sync.Mutex
	keys map[catalog.ServiceKey]bool
}

// only has these services of dc2 needed and no others.
func (n *needs) only(names ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.keys = map[catalog.ServiceKey]bool{}
	for _, name := range names {
		n.keys[atDC2.Service(name)] = true
	}
}

func (n *needs) has(key catalog.ServiceKey) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.keys[key]
}

// With failover only, of another datacenter only that is read which services here are served from.
func TestOnlyWhatIsNeededOfAnotherDatacenterIsRead(t *testing.T) {
	dc2 := newFakeConsul("web", "api", "db")
	fake := newFakeSites(newFakeConsul("web", "api")).with("dc2", dc2)
	needed := &needs{}
	needed.only("web")
	cfg := sitesConfig()
	cfg.RemoteServices = RemoteFailover
	federating(t, cfg, fake, func(f *Federation) {
		f.Need(needed.has)
	}, func(t *testing.T, r *federated) {
		r.is("what is needed", "api.dc1:1", "web.dc1:1", "web.dc2:1")
		needed.only("api")
		r.Reconsider(atDC2.Service("api"), atDC2.Service("web"), catalog.ServiceKey{Datacenter: "dc9", Name: "web"})
		r.is("another one at once", "api.dc1:1", "web.dc1:1", "api.dc2:1", "web.dc2:1")
		time.Sleep(cfg.Linger + time.Minute)
		r.is("the other one goes after a while", "api.dc1:1", "web.dc1:1", "api.dc2:1")
		if read := dc2.read(); slices.Contains(read, "db") || len(r.Holds()) > 0 {
			t.Errorf("read %v, held %v", read, r.Holds())
		}
	})
}

// What a site lists is awaited once it is needed, until it is read; what is not there, or fails, is not.
func TestWhatIsNeededIsAwaitedUntilItIsRead(t *testing.T) {
	dc2 := newFakeConsul("web", "db")
	fake := newFakeSites(newFakeConsul("web")).with("dc2", dc2)
	needed := &needs{}
	cfg := sitesConfig()
	cfg.RemoteServices = RemoteFailover
	federating(t, cfg, fake, func(f *Federation) {
		f.Need(needed.has)
	}, func(t *testing.T, r *federated) {
		awaits := func() bool {
			synctest.Wait()
			c, _ := r.now()
			return r.Awaits(func(key catalog.ServiceKey) bool { _, has := c.Services[key]; return has })
		}
		r.is("nothing is needed yet", "web.dc1:1")
		if awaits() {
			t.Error("what nobody needs is awaited")
		}
		if needed.only("web", "ghost"); !awaits() {
			t.Error("what is needed is not awaited")
		}
		r.Reconsider()
		r.is("what is needed", "web.dc1:1", "web.dc2:1")
		if awaits() {
			t.Error("what is there is awaited")
		}
		dc2.stop()
		time.Sleep(time.Minute)
		if needed.only("web", "ghost", "db"); awaits() {
			t.Error("a site is awaited that fails")
		}
	})
}

// Where only what clients ask for is followed, what that is served from is followed as well.
func TestWhatIsNeededIsFollowedBesideWhatIsWanted(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web", "api", "db")).with("dc2", newFakeConsul("web", "api", "db"))
	federating(t, sitesConfig(), fake, func(f *Federation) {
		f.Follow(func(key catalog.ServiceKey) bool { return key.Name == "web" && key.Site() != atDC2 })
		f.Need(func(key catalog.ServiceKey) bool {
			return key == atDC2.Service("web") || key.Name == "api" && key.Site() != atDC2
		})
	}, func(t *testing.T, r *federated) {
		r.is("what is wanted, what that redirects to, and where it fails over to", "api.dc1:1", "web.dc1:1", "web.dc2:1")
	})
}

// A service here may be served from those of its name elsewhere: who asks about it asks about them.
func TestWhatIsReconsideredHereIsReconsideredElsewhere(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web", "api")).with("dc2", newFakeConsul("web", "api"))
	var mu sync.Mutex
	wanted := "web"
	federating(t, sitesConfig(), fake, func(f *Federation) {
		f.Follow(func(key catalog.ServiceKey) bool {
			mu.Lock()
			defer mu.Unlock()
			return key.Name == wanted || key.Name == "web"
		})
	}, func(t *testing.T, r *federated) {
		r.is("what is wanted", "web.dc1:1", "web.dc2:1")
		mu.Lock()
		wanted = "api"
		mu.Unlock()
		r.Reconsider(own("api"))
		r.is("another one, here and elsewhere", "api.dc1:1", "web.dc1:1", "api.dc2:1", "web.dc2:1")
	})
}

// Consul takes names of services for one that differ in case only: who asks about one asks about all.
func TestWhatIsReconsideredIsSoInAnyCase(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("Web", "api"))
	needed := &needs{}
	cfg := sitesConfig()
	cfg.RemoteServices = RemoteFailover
	federating(t, cfg, fake, func(f *Federation) {
		f.Need(needed.has)
	}, func(t *testing.T, r *federated) {
		needed.only("Web", "api")
		r.Reconsider(atDC2.Service("web"))
		r.is("what is called so", "web.dc1:1", "Web.dc2:1")
	})
}

// A start waits once: what is needed of a site is awaited no longer than sites are.
func TestAStartWaitsForSitesAndForWhatIsNeededOfThemInOneSpan(t *testing.T) {
	fake := newFakeSites(newFakeConsul("web")).with("dc2", newFakeConsul("web", "api"))
	fake.others["dc2"].spoil = func(req *http.Request) (*http.Response, error) {
		if req.URL.Path == healthPath+"web" {
			time.Sleep(time.Minute)
		}
		return nil, nil
	}
	needed := &needs{}
	needed.only("web")
	cfg := sitesConfig()
	cfg.RemoteServices = RemoteFailover
	federating(t, cfg, fake, func(f *Federation) { f.Need(needed.has) }, func(t *testing.T, r *federated) {
		began, first := time.Now(), time.Duration(0)
		for r.Awaits(func(catalog.ServiceKey) bool { return false }) || first == 0 {
			if _, n := r.now(); n > 0 && first == 0 {
				first = time.Since(began)
			}
			time.Sleep(10 * time.Millisecond)
		}
		all := time.Since(began)
		if first < cfg.SiteWait/2 || all-first < 500*time.Millisecond || all > cfg.SiteWait+time.Second/2 {
			t.Errorf("the first Delta came after %v, and what is needed was awaited until %v", first, all)
		}
	})
}
