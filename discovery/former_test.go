package discovery

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

// former are the instances that the service had last, while it has none.
func (r *reader) former(service string) (ids []string) {
	synctest.Wait()
	c, _ := r.now()
	s, _ := r.service(c, service)
	for _, i := range s.Former {
		ids = append(ids, i.ID)
	}
	return ids
}

// What the last instances said is part of the catalog for as long as the service is listed and has none,
// whether the guard held them before or not. Those that come back speak for themselves.
func TestTheLastInstancesOfAServiceAreRemembered(t *testing.T) {
	for what, cfg := range map[string]Config{"believed at once": fakeConfig(), "after a hold": guardedConfig()} {
		t.Run(what, func(t *testing.T) {
			fake := newFakeConsul("web", "api")
			inTime(t, cfg, fake, func(t *testing.T, r *reader) {
				fake.set("web", 2)
				time.Sleep(time.Minute)
				fake.set("web", 0)
				until(t, 5*time.Minute, func() bool { return r.size("web") == 0 })
				if got := r.former("web"); !slices.Equal(got, []string{"web0", "web1"}) {
					t.Errorf("the service has none now, and had %v", got)
				}
				fake.set("web", 1)
				time.Sleep(time.Second)
				if got := r.former("web"); r.size("web") != 1 || got != nil {
					t.Errorf("the service has %d again, and still had %v", r.size("web"), got)
				}
				fake.set("web", -1)
				until(t, 5*time.Minute, func() bool { return r.size("web") == -1 })
				fake.set("web", 0)
				time.Sleep(time.Minute)
				if got := r.former("web"); got != nil {
					t.Errorf("a service that is gone and comes back as another still had %v", got)
				}
			})
		})
	}
}

// A restart remembers them by the last known catalog.
func TestFormerInstancesAreSeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seed := catalog.New()
		for key, s := range seedOf("dc1", "web").Services {
			seed.Services[key] = s.With(nil)
		}
		fake := newFakeConsul("api")
		fake.set("web", 0)
		first, _ := seededWith(t, fakeConfig(), fake, seed)
		if s := first.Services[catalog.ServiceKey{Datacenter: "dc1", Name: "web"}]; len(s.Former) != 1 || len(s.Instances) > 0 {
			t.Errorf("first handed out: %+v, want the former instance of the seed", s)
		}
	})
}
