package discovery

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

func TestALastInstanceThatIsDeregisteredGoesWhenASecondLookAgrees(t *testing.T) {
	fake := many(5, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.set("svc-000", -1)
		time.Sleep(9 * time.Second)
		if n := r.size("svc-000"); n != 2 {
			t.Fatalf("%d instances after 9 s", n)
		}
		h := r.Holds()
		if len(h) != 1 || h[0].Why != "emptied" || h[0].Kept != 2 || h[0].Service != "svc-000" || h[0].Remedy != holdRemedy {
			t.Errorf("holds: %+v", h)
		}
		if p := r.Status().Problems; len(p) != 1 || p[0].Kind != "held_emptied" || p[0].Remedy == "" {
			t.Errorf("problems: %+v", p)
		}
		if n := r.log.Count("a loss is held"); n != 1 {
			t.Errorf("%d log lines", n)
		}
		until(t, 5*time.Second, func() bool { return r.size("svc-000") == -1 })
		if h := r.Holds(); len(h) != 0 {
			t.Errorf("holds: %+v", h)
		}
		if !strings.Contains(r.log.String(), "outcome=evident") {
			t.Error("the log does not say why it is believed")
		}
	})
}

func TestWithoutEvidenceALastInstanceIsKeptForAMinute(t *testing.T) {
	for what, do := range map[string]func(*fakeConsul){
		"the list still has it": func(f *fakeConsul) { f.set("svc-000", 0) },
		"others are missing in the list": func(f *fakeConsul) {
			for n := range 4 {
				f.unlist(name(n + 1))
			}
			f.set("svc-000", -1)
		},
		"policies cut the list": func(f *fakeConsul) {
			f.spoilWith(func(req *http.Request) (*http.Response, error) {
				if req.URL.Path != "/v1/catalog/services" || req.URL.Query().Has("index") {
					return nil, nil
				}
				return f.withHeader(req.URL.Path, "X-Consul-Results-Filtered-By-ACLs", "true"), nil
			})
			f.set("svc-000", -1)
		},
		"the index went back not long ago": func(f *fakeConsul) {
			f.restore(9)
			time.Sleep(3 * time.Minute)
			f.set("svc-000", -1)
		},
		"much of the datacenter goes": func(f *fakeConsul) {
			for n := range 5 {
				f.set(name(n+1), 1)
			}
			f.set("svc-000", -1)
		},
	} {
		t.Run(what, func(t *testing.T) {
			fake := many(20, 2)
			inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
				time.Sleep(time.Minute)
				do(fake)
				time.Sleep(59 * time.Second)
				if n := r.size("svc-000"); n != 2 {
					t.Fatalf("%d instances after 59 s", n)
				}
				until(t, 13*time.Second, func() bool { return r.size("svc-000") <= 0 })
			})
		})
	}
}

func TestAListWhoseIndexWentBackTakesAllEvidenceAway(t *testing.T) {
	cfg := guardedConfig()
	cfg.Watch.Canary = 0 // nobody else sees it
	fake := many(20, 2)
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.stop()
		time.Sleep(20 * time.Second)
		fake.restore(9)
		fake.set("svc-000", -1)
		fake.resume()
		until(t, time.Minute, func() bool { return len(r.Holds()) == 1 })
		time.Sleep(50 * time.Second)
		if n := r.size("svc-000"); n != 2 {
			t.Errorf("%d instances: it was believed after less than a minute", n)
		}
	})
}

func TestAServiceThatComesBackInTimeWasNeverGone(t *testing.T) {
	fake := many(5, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		fake.set("svc-000", -1)
		time.Sleep(5 * time.Second)
		fake.set("svc-000", 2)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if _, n := r.now(); n != 1 {
			t.Errorf("%d Deltas, want the first only", n)
		}
		if !strings.Contains(r.log.String(), "outcome=returned") || len(r.Holds()) > 0 {
			t.Errorf("holds: %+v", r.Holds())
		}
	})
}

func TestFromFiftyToFiveIsAppliedInTime(t *testing.T) {
	for what, do := range map[string]func(*fakeConsul){
		"at once": func(f *fakeConsul) { f.set("big", 5) },
		"one by one": func(f *fakeConsul) {
			for n := 49; n >= 5; n-- {
				f.set("big", n)
				time.Sleep(500 * time.Millisecond)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			fake := many(3, 2)
			fake.put("big", 0, 50, "passing")
			inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
				time.Sleep(time.Minute)
				do(fake)
				if n := r.size("big"); n < 25 {
					t.Errorf("%d instances at first: more than half was believed at once", n)
				}
				took := until(t, time.Minute, func() bool { return r.size("big") == 5 })
				if took > 15*time.Second {
					t.Errorf("it took %v after the last change", took)
				}
			})
		})
	}
}

func TestWhatADeployDoesIsNotDelayed(t *testing.T) {
	fake := many(10, 3)
	fake.put("web", 0, 9, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		at := func(what string, want int) {
			t.Helper()
			if n := r.size("web"); n != want {
				t.Errorf("%s: %d instances, want %d", what, n, want)
			}
		}
		for n := range 9 { // a rolling deploy
			fake.between("web", n, 10+n, "passing")
			at("a new one comes", 10)
			fake.between("web", n+1, 10+n, "passing")
			at("an old one goes", 9)
			time.Sleep(2 * time.Second)
		}
		fake.between("web", 9, 19, "passing")
		at("a canary comes", 10)
		fake.between("web", 9, 18, "passing")
		at("it goes", 9)
		fake.between("web", 9, 15, "passing")
		at("a third goes", 6)
		fake.between("web", 20, 26, "passing")
		at("all are others", 6)
		if n := r.log.Count("a loss is held"); n > 0 {
			t.Errorf("%d holds", n)
		}
	})
}

func TestNewInstancesAndHealthAreBelievedWhileALossIsHeld(t *testing.T) {
	fake := many(3, 2)
	fake.put("web", 0, 10, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		fake.set("web", 2)
		synctest.Wait()
		fake.between("web", 0, 2, "critical")
		synctest.Wait()
		c, _ := r.now()
		s, _ := r.service(c, "web")
		critical := 0
		for _, i := range s.Instances {
			if i.Health == catalog.Critical {
				critical++
			}
		}
		if len(s.Instances) != 10 || critical != 2 {
			t.Errorf("%d instances, %d critical; want 10 and 2", len(s.Instances), critical)
		}
		fake.between("web", 20, 30, "passing") // all new: nothing was lost
		if n := r.size("web"); n != 10 {
			t.Errorf("%d instances, want the ten new ones", n)
		}
	})
}

func TestErosionIsSummedUp(t *testing.T) {
	fake := many(100, 3)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for n := range 60 {
			fake.set(name(n), 2)
			time.Sleep(50 * time.Millisecond)
		}
		if n := r.instances(); n != 300-45 {
			t.Errorf("%d of 300 instances are left at once, want 255: 15 %% are believed", n)
		}
		until(t, 15*time.Second, func() bool { return r.instances() == 240 })
	})
}

func TestReleaseWithoutARunningWatchReturns(t *testing.T) {
	w, err := New(fakeConfig(), nil, nil)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if n := w.Release(ctx, ""); n != 0 {
		t.Errorf("released %d", n)
	}
}

func TestWhatTheSeedHasIsGuardedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeConsul()
		var all []string
		for n := range 20 {
			all = append(all, name(n))
		}
		got, w := seededWith(t, guardedConfig(), fake, seedOf("dc1", all...))
		if len(got.Services) != 20 || len(w.Holds()) != 20 {
			t.Errorf("an empty Consul after a restart: handed out %v, %d holds", names(got), len(w.Holds()))
		}
	})
}
