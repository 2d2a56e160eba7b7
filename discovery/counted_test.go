package discovery

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/internal/consultest"
	"legate/internal/metricstest"
)

// What a service loses counts once: as its own loss, and not as one beside it.
func TestALossIsNotCountedTwice(t *testing.T) {
	fake := many(31, 3)
	fake.put("web", 0, 8, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.set(name(0), 2)
		fake.set(name(1), 2)
		synctest.Wait()
		fake.set("web", -1) // 10 of 101: counted twice it would be much of the datacenter
		until(t, 15*time.Second, func() bool { return r.size("web") == -1 })
	})
}

// The loss of much of the smallest catalog that counts takes all evidence away.
func TestMuchOfASmallCatalogIsMuch(t *testing.T) {
	fake := many(9, 2)
	fake.put("web", 0, 2, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.set(name(0), 1)
		fake.set(name(1), 1)
		synctest.Wait()
		fake.set("web", -1)
		time.Sleep(50 * time.Second)
		if n := r.size("web"); n != 2 {
			t.Errorf("%d instances after 50 s, want 2", n)
		}
	})
}

// Who turns critical in the answer that takes something away counts on neither side of the datacenter.
func TestHealthThatChangesWithALossIsNoPartOfIt(t *testing.T) {
	for lose, want := range map[int]string{1: "", 2: "catalog"} {
		fake := many(10, 2)
		fake.put("web", 0, 10, "passing")
		inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Minute)
			fake.set(name(0), 1)
			fake.set(name(1), 1)
			synctest.Wait()
			fake.sick("web", 0, 6, 10-lose, "critical") // 24 are left, of which 3 are calm and 4 are much
			synctest.Wait()
			switch h := r.Holds(); {
			case want == "" && (len(h) != 0 || r.size("web") != 10-lose):
				t.Errorf("%d of web go: %d instances, holds %+v", lose, r.size("web"), h)
			case want != "" && (len(h) != 1 || h[0].Why != want || h[0].Remedy != massRemedy || r.size("web") != 10):
				t.Errorf("%d of web go: %d instances, holds %+v", lose, r.size("web"), h)
			}
		})
	}
}

// A service of which something is reaped that took no traffic has lost nothing, and so does not make
// another's loss one of the datacenter.
func TestWhoLosesWhatTookNoTrafficHasLostNothing(t *testing.T) {
	fake := many(10, 2)
	fake.put("web", 0, 10, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for n := range 4 {
			fake.sick(name(n), 1, 2, 2, "critical")
			synctest.Wait()
			fake.set(name(n), 1)
			synctest.Wait()
		}
		fake.set("web", 5)
		if n := r.size("web"); n != 5 || len(r.Holds()) != 0 {
			t.Errorf("%d instances, want 5; holds %+v", n, r.Holds())
		}
	})
}

// A loss that was believed is the past: what goes after it is measured by what is left.
func TestWhatGoesAfterABelievedLossIsMeasuredByWhatIsLeft(t *testing.T) {
	fake := many(20, 3)
	fake.put("web", 0, 10, "passing")
	cfg := guardedConfig()
	cfg.Guard.Reread = 0
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.take()
		fake.set("web", 4)
		synctest.Wait()
		time.Sleep(5 * time.Second)
		fake.set("web", 3) // this one is missed for less long than the six
		until(t, 7*time.Second, func() bool { return r.size("web") == 4 })
		until(t, 6*time.Second, func() bool { return r.size("web") == 3 })
		fake.set("web", 2)
		if n := r.size("web"); n != 2 {
			t.Errorf("%d instances, want 2: one of three", n)
		}
	})
	t.Run("also if all of it went at once", func(t *testing.T) {
		fake := many(20, 3)
		fake.put("web", 0, 10, "passing")
		inTime(t, cfg, fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Minute)
			fake.set("web", 4)
			until(t, 12*time.Second, func() bool { return r.size("web") == 4 })
			fake.set("web", 3)
			if n := r.size("web"); n != 3 {
				t.Errorf("%d instances, want 3: one of four", n)
			}
		})
	})
	t.Run("and costs one question more", func(t *testing.T) {
		fake := many(20, 3)
		fake.put("web", 0, 10, "passing")
		inTime(t, cfg, fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Minute)
			fake.take()
			fake.set("web", 4)
			until(t, 12*time.Second, func() bool { return r.size("web") == 4 })
			time.Sleep(20 * time.Second)
			n := 0
			for _, q := range fake.take() {
				if q.consistent && q.path == healthPath+"web" {
					n++
				}
			}
			if n != 2 {
				t.Errorf("the leader was asked %d times, want when it was seen, and to confirm it", n)
			}
		})
	})
}

// What is left when all holds are released is the new whole, of one service or of many.
func TestWhatIsLeftAfterAReleaseIsTheNewWhole(t *testing.T) {
	for what, do := range map[string]struct {
		lose func(*fakeConsul)
		left int
	}{
		"three services lose one each": {func(f *fakeConsul) { f.set(name(45), 1); f.set(name(46), 1); f.set(name(47), 1) }, 27},
		"one service loses half":       {func(f *fakeConsul) { f.set("big", 5) }, 25},
	} {
		t.Run(what, func(t *testing.T) {
			fake := many(50, 2)
			fake.put("big", 0, 10, "passing")
			inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
				time.Sleep(time.Minute)
				for n := range 40 {
					fake.set(name(n), -1)
				}
				time.Sleep(20 * time.Second)
				if n := r.Release(t.Context(), ""); n != 40 || r.instances() != 30 {
					t.Fatalf("released %d, %d instances are left", n, r.instances())
				}
				do.lose(fake)
				if n := r.instances(); n != do.left || len(r.Holds()) != 0 {
					t.Errorf("%d instances, want %d; holds %+v", n, do.left, r.Holds())
				}
			})
		})
	}
}

// A look at a loss that has no answer is Consul's trouble for as long as the loss is held.
func TestTheTroubleOfALookEndsWithItsHold(t *testing.T) {
	fake := many(5, 2)
	cfg := guardedConfig()
	cfg.Watch.Canary, cfg.Guard.Reread = 0, 0
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.set(name(0), -1)
		synctest.Wait()
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/v1/catalog/services" && !req.URL.Query().Has("index") {
				return consultest.Answer(500, 1, "rpc error"), nil
			}
			return nil, nil
		})
		failing := func() bool {
			return slices.ContainsFunc(r.Status().Problems, func(p catalog.Problem) bool {
				return p.Kind == "unavailable" && strings.Contains(p.Detail, "rpc error")
			})
		}
		until(t, 30*time.Second, failing)
		fake.set(name(0), 2)
		until(t, 3*time.Second, func() bool { return len(r.Holds()) == 0 })
		if p := r.Status().Problems; len(p) != 0 {
			t.Errorf("problems: %+v", p)
		}
	})
}

// What is held, and how that ended, is counted.
func TestWhatIsHeldIsCounted(t *testing.T) {
	fake := many(5, 2)
	fake.put("web", 0, 10, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		is := func(when string, want map[string]float64) {
			t.Helper()
			got := map[string]float64{}
			for name := range want {
				metric, label, _ := strings.Cut(name, " ")
				got[name] = metricstest.Sum(t, r.metrics, metric, label)
			}
			if !maps.Equal(got, want) {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		time.Sleep(time.Minute)
		fake.set("web", 3)
		fake.set(name(0), -1)
		synctest.Wait()
		is("at first", map[string]float64{"legate_holds shrunk": 1, "legate_holds emptied": 1, "legate_holds_instances shrunk": 7,
			"legate_holds_instances emptied": 2, "legate_holds_ended_total confirmed": 0})
		fake.set(name(0), 2)
		time.Sleep(20 * time.Second)
		is("in the end", map[string]float64{"legate_holds shrunk": 0, "legate_holds emptied": 0, "legate_holds_instances shrunk": 0,
			"legate_holds_ended_total confirmed": 1, "legate_holds_ended_total returned": 1})
	})
}
