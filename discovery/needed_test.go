package discovery

import (
	"slices"
	"sync"
	"testing"
	"time"

	"legate/discovery/catalog"
)

// With failover only, of another datacenter only that is read which services here are served from.
func TestOnlyWhatIsNeededOfAnotherDatacenterIsRead(t *testing.T) {
	dc2 := newFakeConsul("web", "api", "db")
	fake := newFakeSites(newFakeConsul("web", "api")).with("dc2", dc2)
	var mu sync.Mutex
	needed := map[catalog.ServiceKey]bool{atDC2.Service("web"): true}
	cfg := sitesConfig()
	cfg.RemoteServices = RemoteFailover
	federating(t, cfg, fake, func(f *Federation) {
		f.Need(func(key catalog.ServiceKey) bool {
			mu.Lock()
			defer mu.Unlock()
			return needed[key]
		})
	}, func(t *testing.T, r *federated) {
		r.is("what is needed", "api.dc1:1", "web.dc1:1", "web.dc2:1")
		mu.Lock()
		needed = map[catalog.ServiceKey]bool{atDC2.Service("api"): true}
		mu.Unlock()
		r.Reconsider(atDC2.Service("api"), atDC2.Service("web"), catalog.ServiceKey{Datacenter: "dc9", Name: "web"})
		r.is("another one at once", "api.dc1:1", "web.dc1:1", "api.dc2:1", "web.dc2:1")
		time.Sleep(cfg.Linger + time.Minute)
		r.is("the other one goes after a while", "api.dc1:1", "web.dc1:1", "api.dc2:1")
		if read := dc2.read(); slices.Contains(read, "db") || len(r.Holds()) > 0 {
			t.Errorf("read %v, held %v", read, r.Holds())
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
