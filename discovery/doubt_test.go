package discovery

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/internal/consultest"
)

func TestAnInstanceThatIsRegisteredUnderAnotherNameLeavesTheOldOne(t *testing.T) {
	fake := many(5, 2)
	fake.put("web", 0, 3, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.move("web", "api")
		until(t, 2*time.Second, func() bool { return r.size("api") == 1 && len(r.Holds()) == 1 })
		h := r.Holds()[0]
		if h.Service != "web" || h.Why != "doubted" || h.Kept != 1 || h.Served != 3 || h.Remedy == "" || time.Until(h.Until) > 10*time.Second {
			t.Errorf("hold: %+v", h)
		}
		p := r.Status().Problems
		if len(p) != 1 || p[0].Kind != "held_doubted" || !strings.Contains(p[0].Detail, "web") || p[0].Since.IsZero() {
			t.Errorf("problems: %+v", p)
		}
		until(t, 12*time.Second, func() bool { return r.size("web") == 2 })
		if s := r.Status(); len(s.Problems) > 0 || len(r.Holds()) > 0 {
			t.Errorf("afterwards: %+v", s.Problems)
		}
		fake.set("web", 4)
		if n := r.size("web"); n != 4 {
			t.Errorf("%d instances after the next change, want 4", n)
		}
	})
}

func TestALastInstanceThatIsRegisteredUnderAnotherNameGoesWithThatEvidence(t *testing.T) {
	fake := many(5, 2)
	fake.put("web", 0, 1, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.move("web", "api")
		until(t, 15*time.Second, func() bool { return r.size("web") == -1 && r.size("api") == 1 })
	})
}

func TestAnInstanceThatLeavesForANameThatIsNotWatchedGoesWhenTheQueryReturns(t *testing.T) {
	fake := many(5, 2)
	fake.put("web", 0, 3, "passing")
	cfg := guardedConfig()
	cfg.Exclude = []string{"api"}
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.move("web", "api")
		until(t, cfg.Consul.Wait*17/16+12*time.Second, func() bool { return r.size("web") == 2 })
	})
}

func TestALossInDoubtCanBeReleased(t *testing.T) {
	fake := many(5, 2)
	fake.put("web", 0, 3, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.move("web", "api")
		until(t, 2*time.Second, func() bool { return len(r.Holds()) == 1 })
		if n := r.Release(t.Context(), "web"); n != 1 || r.size("web") != 2 {
			t.Errorf("released %d, %d instances are left", n, r.size("web"))
		}
	})
}

// An answer in doubt that is taken back before it was given twice has taken nothing away.
func TestALossInDoubtThatIsNotConfirmedIsForgotten(t *testing.T) {
	fake := many(5, 2)
	fake.put("web", 0, 3, "passing")
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.move("web", "api")
		time.Sleep(5 * time.Second)
		_, before := r.now()
		fake.silently("web", 3)
		time.Sleep(time.Minute)
		if _, n := r.now(); n != before || r.size("web") != 3 || len(r.Holds()) > 0 {
			t.Errorf("%d instances, holds %+v", r.size("web"), r.Holds())
		}
	})
}

func TestAPartOfTheCatalogMayBeEmpty(t *testing.T) {
	for _, policy := range []string{"deny", "allow"} {
		part := func(fake *fakeConsul) *fakeConsul { // all of the rest is hidden, consul too
			fake.spoil = func(req *http.Request) (*http.Response, error) {
				if req.URL.Query().Has("index") {
					return nil, nil
				}
				fake.mu.Lock()
				index, body := fake.answer(req.URL.Path)
				fake.mu.Unlock()
				body = strings.NewReplacer(`"consul":[],`, "", `"consul":[]`, "").Replace(body)
				resp := consultest.Answer(200, index, body)
				resp.Header.Set("X-Consul-Default-Acl-Policy", policy)
				resp.Header.Set("X-Consul-Results-Filtered-By-ACLs", "true")
				return resp, nil
			}
			return fake
		}
		cfg := guardedConfig()
		cfg.Watch.FilteredExpected = true
		t.Run("its last service goes, default policy "+policy, func(t *testing.T) {
			fake := part(newFakeConsul("db"))
			inTime(t, cfg, fake, func(t *testing.T, r *reader) {
				time.Sleep(time.Minute)
				fake.set("db", -1)
				until(t, 30*time.Second, func() bool { return len(r.Holds()) == 1 })
				until(t, 2*time.Minute, func() bool { return r.size("db") == -1 })
				for _, p := range r.Status().Problems {
					if p.Kind != "hidden" {
						t.Errorf("problem: %+v", p)
					}
				}
			})
		})
		t.Run("it can be released, default policy "+policy, func(t *testing.T) {
			fake := part(newFakeConsul("db"))
			inTime(t, cfg, fake, func(t *testing.T, r *reader) {
				time.Sleep(time.Minute)
				fake.set("db", -1)
				until(t, 30*time.Second, func() bool { return len(r.Holds()) == 1 })
				if n := r.Release(t.Context(), "db"); n != 1 || r.size("db") > 0 {
					t.Errorf("released %d, %d instances", n, r.size("db"))
				}
				until(t, 5*time.Second, func() bool { return r.size("db") == -1 }) // when the list is read
			})
		})
		t.Run("it is empty from the start, default policy "+policy, func(t *testing.T) {
			fake := part(newFakeConsul())
			inTime(t, cfg, fake, func(t *testing.T, r *reader) {
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if _, n := r.now(); n > 0 {
					t.Error("an empty list that policies may have emptied was believed the first time")
				}
				p := r.Status().Problems
				if len(p) != 1 || strings.Contains(p[0].Remedy+p[0].Detail, "--consul-filtered-expected") {
					t.Errorf("problems: %+v", p)
				}
				until(t, 10*time.Second, func() bool { _, n := r.now(); return n == 1 && r.Status().Complete })
				fake.set("db", 1)
				until(t, 3*time.Second, func() bool { return r.size("db") == 1 })
			})
		})
	}
}
