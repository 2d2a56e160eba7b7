package discovery

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/discovery/watch"
	"legate/internal/consultest"
)

// hang never answers.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestTheCanaryDoesNotWaitBehindFirstReads(t *testing.T) {
	fake := many(100, 1)
	fake.spoil = func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.URL.Path, healthPath) {
			return hang(r)
		}
		return nil, nil
	}
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(14 * time.Second)
		fake.take()
		time.Sleep(4 * time.Second) // the first reads have all places, and go on waiting
		synctest.Wait()
		canary := 0
		for _, q := range fake.take() {
			if q.path == "/v1/catalog/services" && q.consistent {
				canary++
			}
		}
		if canary == 0 {
			t.Error("the list was not asked for: the canary waits behind the first reads")
		}
		if p := r.Status().Problems; slices.ContainsFunc(p, func(p catalog.Problem) bool { return p.Kind == string(consul.Unreachable) }) {
			t.Errorf("problems: %+v", p)
		}
	})
}

func TestAHangWhileEverythingIsReadIsCalledOne(t *testing.T) {
	fake := many(100, 1)
	var hung atomic.Bool
	fake.spoil = func(r *http.Request) (*http.Response, error) {
		if !hung.Load() && r.URL.Path == "/v1/catalog/services" {
			return nil, nil
		}
		return hang(r)
	}
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Second)
		hung.Store(true)
		until(t, 30*time.Second, func() bool { return !r.Status().Connected && len(r.Status().Problems) > 0 })
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, p := range r.Status().Problems {
			if p.Kind != string(consul.Timeout) {
				t.Errorf("a Consul that hangs is called %s: %s", p.Kind, p.Detail)
			}
		}
	})
}

// While Consul does not answer, the canary alone asks often; where it answers, and refuses, it does not.
func TestHowOftenTheCanaryAsks(t *testing.T) {
	for _, c := range []struct {
		name        string
		spoil       func(*http.Request) (*http.Response, error)
		least, most int // questions in five minutes
	}{
		{"there is no connection", func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }, 1300, 2500},
		{"it is in trouble", func(*http.Request) (*http.Response, error) {
			return consultest.Answer(500, 0, "No cluster leader"), nil
		}, 1300, 2500},
		{"it hangs", hang, 28, 31},
		{"it refuses", func(*http.Request) (*http.Response, error) { return consultest.Answer(403, 0, "no"), nil }, 10, 80},
	} {
		fake := many(3, 1)
		inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Minute)
			canary := 0
			fake.spoilWith(func(req *http.Request) (*http.Response, error) {
				if req.URL.Path == "/v1/catalog/services" && !req.URL.Query().Has("index") && consul.WantsOldConnection(req.Context()) {
					return c.spoil(req)
				}
				return nil, nil
			})
			time.Sleep(20 * time.Second)
			fake.take()
			time.Sleep(5 * time.Minute)
			for _, q := range fake.take() {
				if q.path == "/v1/catalog/services" && q.consistent {
					canary++
				}
			}
			if canary < c.least || canary > c.most {
				t.Errorf("%s: the canary asked %d times in five minutes, want %d to %d", c.name, canary, c.least, c.most)
			}
		})
	}
}

// Only an index that went back takes evidence away: a Consul that did not answer has lost nothing.
func TestWhatIsReadAnewHasLostNothingUnlessItsIndexWentBack(t *testing.T) {
	inLoop(t, func(t *testing.T, l *loop, asked *recorder) {
		now := time.Now()
		l.guarded()
		l.handle(watch.Restart{Why: "it did not answer", At: now})
		if l.lostAfterTheIndexWentBack("web") || !slices.Equal(asked.again, []string{"all"}) {
			t.Error("want everything read again, and nothing else")
		}
		l.handle(watch.Restart{Why: "it went back", IndexWentBack: true, At: now})
		if !l.lostAfterTheIndexWentBack("api") || !slices.Equal(asked.again, []string{"all", "all"}) {
			t.Error("want that noted, and everything read again")
		}
	})
}

func TestAnIndexThatWentBackIsNoticedWithinHalfAMinute(t *testing.T) {
	fake := many(10, 2)
	for n := range 10 {
		fake.put(name(n), 0, 2, "passing")
	}
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.restore(9)
		fake.silently("svc-003", 4) // as it was then; who waits for a higher index hears nothing
		until(t, 30*time.Second, func() bool { return r.size("svc-003") == 4 })
	})
}

func TestAListWhoseConnectionHangsIsAskedForAgainWithinHalfAMinute(t *testing.T) {
	fake := many(10, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path != "/v1/catalog/services" || !req.URL.Query().Has("index") {
				return nil, nil
			}
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		fake.set("new", 1)
		until(t, 30*time.Second, func() bool { return r.size("new") == 1 })
	})
}

func TestAFrozenConsulIsNoticedWithinHalfAMinute(t *testing.T) {
	fake := many(10, 2)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.mu.Lock()
		fake.spoil = func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}
		fake.mu.Unlock()
		until(t, 30*time.Second, func() bool { return !r.Status().Connected })
		fake.mu.Lock()
		fake.spoil = nil
		fake.mu.Unlock()
		fake.silently("svc-003", 3)
		until(t, 15*time.Second, func() bool { return r.Status().Connected && r.size("svc-003") == 3 })
	})
}

func TestConsulIsFreshASecondAfterItIsBack(t *testing.T) {
	fake := many(1000, 1)
	fake.slowDown(2 * time.Millisecond)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.stop()
		time.Sleep(30 * time.Second)
		fake.set("svc-500", 2)
		fake.take()
		fake.resume()
		took := until(t, 10*time.Second, func() bool { return r.Status().Connected && r.size("svc-500") == 2 })
		if took > time.Second {
			t.Errorf("it took %v", took)
		}
		if most := fake.atOnce(); most > 17 {
			t.Errorf("%d reads at once", most)
		}
	})
}

func TestAConsulThatComesLongAfterTheStartIsSeenAtOnce(t *testing.T) {
	fake := many(3, 1)
	fake.stop()
	cfg := guardedConfig()
	cfg.Consul.Datacenter = "" // so that nothing can be asked but the agent
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(10 * time.Minute)
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/v1/agent/self" {
				return consultest.Answer(200, 1, `{"Config":{"Datacenter":"dc1"}}`), nil
			}
			return nil, nil
		})
		until(t, time.Second, func() bool { return r.instances() == 3 })
	})
}

func TestAConsulThatRefusesSomeAfterItIsBackIsFreshWithinSeconds(t *testing.T) {
	fake := many(2, 1)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.stop()
		time.Sleep(5 * time.Minute) // pauses are long by now
		back := time.Now()
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if time.Since(back) < 400*time.Millisecond && strings.HasPrefix(req.URL.Path, healthPath) {
				return consultest.Answer(500, 1, "Not ready to serve consistent reads"), nil
			}
			return nil, nil
		})
		until(t, 3*time.Second, func() bool { return r.Status().Connected })
	})
}
