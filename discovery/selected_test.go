package discovery

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

// tagged are instances with tags, one of each list; their ids are the service's name and a number.
func (f *fakeConsul) tagged(name string, tags ...[]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.tagsOf(name)
	f.put(name, 0, len(tags), "passing")
	for n, e := range f.entries[name] {
		e.(map[string]any)["Service"].(map[string]any)["Tags"] = tags[n]
	}
	if !slices.Equal(before, f.tagsOf(name)) {
		f.list = f.index
	}
	f.wake()
}

// ids are the instances that the service has now.
func (r *reader) ids(service string) (ids []string) {
	synctest.Wait()
	c, _ := r.now()
	s, _ := r.service(c, service)
	for _, i := range s.Instances {
		ids = append(ids, i.ID)
	}
	return ids
}

func tagConfig(cfg Config, tags ...string) Config {
	cfg.Tags = tags
	return cfg
}

var (
	http1 = []string{"http", "v1"}
	v1    = []string{"v1"}
	none  []string
)

func TestATagPicksInstances(t *testing.T) {
	fake := newFakeConsul("other")
	fake.tagged("nomad", []string{"http"}, []string{"rpc"}, []string{"serf"})
	fake.tagged("split", []string{"http"}, []string{"v1"}) // together they have both
	inTime(t, tagConfig(guardedConfig(), "http"), fake, func(t *testing.T, r *reader) {
		if ids := r.ids("nomad"); !slices.Equal(ids, []string{"nomad0"}) {
			t.Errorf("nomad has %v, want the instance with the tag only", ids)
		}
		if n := r.size("other"); n != -1 {
			t.Errorf("a service without the tag has %d instances", n)
		}
		r.Select(catalog.Selection{Tags: http1})
		if n := r.size("split"); n != -1 {
			t.Errorf("a service of which no instance has both tags is served with %d instances", n)
		}
		fake.tagged("split", http1, none)
		if ids := r.ids("split"); !slices.Equal(ids, []string{"split0"}) {
			t.Errorf("split has %v", ids)
		}
	})
}

// An instance that loses the tags is lost, as one that is gone, and one of many goes at once.
func TestAnInstanceThatLosesItsTagsIsLost(t *testing.T) {
	fake := many(5, 1)
	fake.tagged("web", v1, v1, v1, v1, v1, v1)
	inTime(t, tagConfig(guardedConfig(), "v1"), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.take()
		fake.tagged("web", v1, v1, v1, v1, v1, none)
		if n := r.size("web"); n != 5 {
			t.Errorf("%d instances, want 5: one of many lost its tag", n)
		}
		if !slices.ContainsFunc(fake.take(), func(q asked) bool { return q.consistent && q.path == healthPath+"web" }) {
			t.Error("the leader was not asked")
		}
		if log := r.log.String(); !strings.Contains(log, "deselected") || !strings.Contains(log, "service=web") {
			t.Errorf("the log does not say that an instance was deselected:\n%s", log)
		}
		fake.tagged("web", v1, none, none, none, none, none)
		if n := r.size("web"); n != 5 {
			t.Errorf("%d instances, want 5: most of a service is held", n)
		}
		h := r.Holds()
		if len(h) != 1 || h[0].Why != "shrunk" || h[0].Kept != 4 || h[0].Deselected != 4 {
			t.Errorf("holds: %+v", h)
		}
		until(t, 15*time.Second, func() bool { return r.size("web") == 1 })
	})
}

// A service that loses its tags, and with them its place in the selection, is lost as one that is
// deregistered: it is held, shown, logged, and released.
func TestAServiceThatLosesItsTagsIsHeldThenGoes(t *testing.T) {
	fake := many(5, 1)
	fake.tagged("web", v1, v1)
	inTime(t, tagConfig(guardedConfig(), "v1"), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.tagged("web", none, none)
		time.Sleep(9 * time.Second)
		if n := r.size("web"); n != 2 {
			t.Fatalf("%d instances after 9 s, want 2", n)
		}
		h := r.Holds()
		if len(h) != 1 || h[0].Why != "emptied" || h[0].Kept != 2 || h[0].Deselected != 2 {
			t.Errorf("holds: %+v", h)
		}
		if p := r.Status().Problems; len(p) != 1 || !strings.Contains(p[0].Detail, "tags") {
			t.Errorf("problems: %+v", p)
		}
		if n := r.log.Count("a loss is held"); n != 1 {
			t.Errorf("%d lines tell of the hold", n)
		}
		until(t, 5*time.Second, func() bool { return r.size("web") == -1 })
		time.Sleep(time.Minute)
		fake.take()
		time.Sleep(10 * time.Minute)
		if slices.ContainsFunc(fake.take(), func(q asked) bool { return q.path == healthPath+"web" }) {
			t.Error("a service that is not selected any more is still watched")
		}
		fake.tagged("web", v1, none)
		until(t, 3*time.Second, func() bool { return r.size("web") == 1 })
	})
	t.Run("and can be released", func(t *testing.T) {
		fake := many(5, 1)
		fake.tagged("web", v1, v1)
		inTime(t, tagConfig(guardedConfig(), "v1"), fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Minute)
			fake.tagged("web", none, none)
			synctest.Wait()
			if n := r.Release(t.Context(), "web"); n != 1 || r.size("web") != -1 {
				t.Errorf("released %d, %d instances are left", n, r.size("web"))
			}
		})
	})
	t.Run("and that comes back in time was never gone", func(t *testing.T) {
		fake := many(5, 1)
		fake.tagged("web", v1, v1)
		inTime(t, tagConfig(guardedConfig(), "v1"), fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Minute)
			fake.tagged("web", none, none)
			time.Sleep(5 * time.Second)
			fake.tagged("web", v1, v1)
			time.Sleep(2 * time.Minute)
			if _, n := r.now(); n != 1 || len(r.Holds()) != 0 {
				t.Errorf("%d Deltas, holds %+v", n, r.Holds())
			}
		})
	})
}

// A tool that takes the tags off everything is as bad as one that deregisters everything.
func TestALossOfMostTagsIsHeldAsTheLossOfADatacenter(t *testing.T) {
	fake := newFakeConsul()
	for n := range 20 {
		fake.tagged(name(n), v1, v1)
	}
	inTime(t, tagConfig(guardedConfig(), "v1"), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for n := range 18 {
			fake.tagged(name(n), none, none)
		}
		time.Sleep(59 * time.Minute)
		if n := r.instances(); n != 40 {
			t.Errorf("%d instances of 40 after 59 min", n)
		}
		if h := r.Holds(); len(h) != 18 || h[0].Why != "datacenter" {
			t.Errorf("%d holds: %+v", len(h), h)
		}
	})
}

// What somebody asks for happens at once, whatever is held at the moment.
func TestANarrowedSelectionActsAtOnceWhileLossesAreHeld(t *testing.T) {
	fake := newFakeConsul()
	for n := range 41 {
		fake.tagged(name(n), v1, http1)
	}
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for n := 1; n < 41; n++ {
			fake.set(name(n), -1)
		}
		time.Sleep(10 * time.Second)
		if n := r.instances(); n != 82 || len(r.Holds()) != 40 {
			t.Fatalf("%d instances, %d holds; want 82, and 40", n, len(r.Holds()))
		}
		r.Select(catalog.Selection{Include: []string{name(0), name(1)}, Tags: []string{"http"}})
		if n := r.instances(); n != 2 {
			t.Errorf("%d instances are served after the selection was narrowed to 2", n)
		}
		if h := r.Holds(); len(h) != 1 || h[0].Service != name(1) || h[0].Kept != 1 {
			t.Errorf("holds: %+v, want what is left of the selected one", h)
		}
		r.Select(catalog.Selection{Include: []string{name(0)}})
		if n := r.instances(); n != 2 || len(r.Holds()) != 0 {
			t.Errorf("%d instances are served, %d holds", n, len(r.Holds()))
		}
		// What was taken back by hand is no loss that others are measured by.
		fake.tagged(name(0), v1)
		if n := r.instances(); n != 1 {
			t.Errorf("%d instances, want 1: one of two goes at once", n)
		}
	})
}

// What is left after that is the new whole, of which losses are a share.
func TestANarrowedSelectionIsTheNewWhole(t *testing.T) {
	fake := many(60, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		r.Select(catalog.Selection{Include: []string{"svc-00?", "svc-01?"}})
		synctest.Wait()
		for n := range 6 {
			fake.set(name(n), 1) // 15 %, of six services
		}
		if n := r.instances(); n != 34 || len(r.Holds()) > 0 {
			t.Errorf("%d instances, want 34; holds %+v", n, r.Holds())
		}
		fake.set(name(6), 1)
		if n := r.instances(); n != 34 || len(r.Holds()) != 1 {
			t.Errorf("%d instances, want 34, since one more is too much; holds %+v", n, r.Holds())
		}
	})
}

// The operator's tags act at once, too, on instances that were read already.
func TestTagsThatTheOperatorChangesActAtOnce(t *testing.T) {
	fake := many(3, 1)
	fake.tagged("web", v1, v1, http1, http1)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.stop() // what is known is enough
		r.Select(catalog.Selection{Tags: []string{"http"}})
		if ids := r.ids("web"); !slices.Equal(ids, []string{"web2", "web3"}) || r.instances() != 2 {
			t.Errorf("web has %v, all together %d instances", ids, r.instances())
		}
		if h := r.Holds(); len(h) != 0 {
			t.Errorf("holds: %+v", h)
		}
		if n := r.log.Count("the selection has changed"); n != 1 {
			t.Errorf("%d lines tell of it", n)
		}
		r.Select(catalog.Selection{})
		fake.resume()
		until(t, 3*time.Second, func() bool { return r.instances() == 7 })
	})
}

// A seed from before somebody changed the selection does not bring back what it left out.
func TestASeedHasWhatIsSelectedOnly(t *testing.T) {
	seed := seedOf("dc1", "web", "db", "a\u200bb")
	seed.Services[catalog.ServiceKey{Datacenter: "dc1", Name: "web"}].Instances[0].Tags = v1
	s := catalog.Selection{Tags: v1}
	if c := s.Of(seed); !slices.Equal(names(c), []string{"web:1"}) {
		t.Errorf("it has %v, want web alone", names(c))
	}
	if c := (catalog.Selection{}).Of(seed); len(c.Services) != 3 {
		t.Errorf("without a selection: %v", names(c))
	}
}
