package discovery

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/guard"
	"legate/internal/consultest"
)

// In these tests time stands still while anybody has something to do, so durations are exact.

func fakeConfig() Config {
	cfg := DefaultConfig()
	cfg.Consul.Datacenter = "dc1"
	cfg.Guard, cfg.Watch.Canary, cfg.Watch.Entries = noGuard(), 0, false // entries have stories of their own
	return cfg
}

// noGuard believes every loss at once, and asks nothing beside the watches.
func noGuard() guard.Config {
	g := guard.DefaultConfig()
	g.Confirm, g.Empty, g.DatacenterHold, g.Reread = 0, 0, 0, 0
	return g
}

// inTime runs a story in a bubble of time and stops the watch at its end.
func inTime(t *testing.T, cfg Config, fake *fakeConsul, story func(t *testing.T, r *reader)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake.changed = make(chan struct{}) // of this bubble
		r := startOver(t, cfg, fake)
		synctest.Wait()
		story(t, r)
		if err := r.end(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestABlockingQueryWaitsAMinuteLessAJitterAndAsksAgain(t *testing.T) {
	fake := newFakeConsul("a", "b", "c", "d", "e", "f", "g", "h")
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		fake.take()
		time.Sleep(10 * time.Minute)
		waits := map[time.Duration]bool{}
		queries := fake.take()
		for _, q := range queries {
			if q.wait < 45*time.Second || q.wait > time.Minute || q.index == 0 || q.consistent {
				t.Fatalf("asked %+v", q)
			}
			waits[q.wait] = true
		}
		if n := len(queries); n < 9*9 || n > 10*15 {
			t.Errorf("nine queries were asked %d times in 10 minutes", n)
		}
		if len(waits) < len(queries)/2 {
			t.Errorf("%d queries have only %d different waits", len(queries), len(waits))
		}
		if _, n := r.now(); n != 1 {
			t.Errorf("%d Deltas, want the first only", n)
		}
	})
}

func TestAQueryThatIsNeverAnsweredEndsSoonAfterItsWait(t *testing.T) {
	fake := newFakeConsul("a")
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		fake.take()
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done() // frozen
			return nil, req.Context().Err()
		})
		time.Sleep(time.Minute*17/16 + 10*time.Second + time.Millisecond)
		synctest.Wait()
		if p := r.Status().Problems; len(p) != 1 || p[0].Kind != "timeout" {
			t.Errorf("problems: %+v", p)
		}
		fake.resume()
		fake.set("a", 2)
		time.Sleep(time.Minute)
		synctest.Wait()
		if c, _ := r.now(); !r.has("a", catalog.Passing, catalog.Passing)(c) {
			t.Errorf("after Consul thawed: %v", names(c))
		}
	})
}

func TestRetriesNeverEndAndArePacedWithFullJitter(t *testing.T) {
	fake := newFakeConsul("a")
	fake.stop()
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(2 * time.Hour)
		tries := fake.take()
		ceiling := 250 * time.Millisecond
		short := 0
		for i := 1; i < len(tries); i++ {
			pause := tries[i].at.Sub(tries[i-1].at)
			if pause > ceiling {
				t.Fatalf("pause %d is %v, above %v", i, pause, ceiling)
			}
			if pause < ceiling/4 {
				short++
			}
			ceiling = min(2*ceiling, 30*time.Second)
		}
		if n := len(tries); n < 2*60*60/30 || n > 1000 {
			t.Errorf("%d tries in 2 hours", n)
		}
		if short < len(tries)/8 || short > len(tries)/2 {
			t.Errorf("%d of %d pauses are in the shortest quarter: not drawn evenly", short, len(tries))
		}
		if s := r.Status(); s.Complete || s.Connected {
			t.Errorf("status: %+v", s)
		}
		fake.resume()
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if c, n := r.now(); n != 1 || !r.has("a", catalog.Passing)(c) {
			t.Errorf("after Consul came: %v", names(c))
		}
	})
}

func TestAThousandWatchesFailAsOne(t *testing.T) {
	var services []string
	for n := range 1000 {
		services = append(services, fmt.Sprintf("svc-%03d", n))
	}
	fake := newFakeConsul(services...)
	fake.slowDown(2 * time.Millisecond)
	cfg := fakeConfig()
	cfg.Consul.MaxConnections = 2000
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Second)
		synctest.Wait()
		if c, n := r.now(); n != 1 || len(c.Services) != 1000 {
			t.Fatalf("%d services in %d Deltas", len(c.Services), n)
		}
		if most := fake.atOnce(); most > 16 {
			t.Errorf("%d first reads at once", most)
		}
		fake.stop()
		time.Sleep(10 * time.Minute)
		if n := r.log.Count("level=WARN"); n != 1 {
			t.Errorf("%d warnings, want 1", n)
		}
		if s := r.Status(); s.Connected || s.Problems[0].Queries != 1001 {
			t.Errorf("status: %+v", s.Problems)
		}
		for _, s := range services[:500] {
			fake.set(s, 2)
		}
		fake.take()
		fake.resume()
		back := time.Now()
		for c, _ := r.now(); !r.has("svc-499", catalog.Passing, catalog.Passing)(c) || !r.Status().Connected; c, _ = r.now() {
			if time.Since(back) > time.Minute {
				t.Fatal("not back after a minute")
			}
			time.Sleep(time.Millisecond)
		}
		if took := time.Since(back); took > 1500*time.Millisecond {
			t.Errorf("after Consul was back it took %v until every watch was", took)
		}
		if most := fake.atOnce(); most > 16 {
			t.Errorf("%d reads at once after the outage", most)
		}
		for _, q := range fake.take() {
			if q.index == 0 && !q.consistent {
				t.Fatalf("after an error asked %+v", q)
			}
		}
		time.Sleep(time.Second)
		if n := r.log.Count("consul is back"); n != 1 {
			t.Errorf("%d lines tell that consul is back, want 1", n)
		}
		if c, n := r.now(); len(c.Services) != 1000 {
			t.Errorf("%d services after %d Deltas", len(c.Services), n)
		}
	})
}

func TestASlowReaderGetsFewerAndLargerDeltas(t *testing.T) {
	fake := newFakeConsul("a", "b", "c", "d")
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		r.slowDown(time.Minute)
		fake.set("a", 2)
		synctest.Wait() // taken, and now the reader is busy
		before := time.Now()
		for n := range 20 {
			fake.set("b", 2+n)
			synctest.Wait()
			time.Sleep(time.Second)
		}
		fake.set("c", 2)
		synctest.Wait()
		fake.set("c", 1) // as the reader has it
		fake.set("d", -1)
		synctest.Wait()
		time.Sleep(2 * time.Minute)
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.deltas) != 3 {
			t.Fatalf("%d Deltas, want the first, a's, and one for the rest", len(r.deltas))
		}
		last := r.deltas[2]
		if len(last.Set) != 1 || len(last.Set[0].Instances) != 21 {
			t.Errorf("set %v, want b as it is now", last.Set)
		}
		if len(last.Gone) != 1 || last.Gone[0].Name != "d" {
			t.Errorf("gone %v, want d", last.Gone)
		}
		if !last.Since.Equal(before) {
			t.Errorf("since %v, want the oldest answer's time %v", last.Since, before)
		}
	})
}

func TestABurstOfChangesOfOneServiceIsSeenTogether(t *testing.T) {
	fake := newFakeConsul("a", "b")
	inTime(t, fakeConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		_, before := r.now()
		for n := range 500 {
			fake.set("a", 2+n%2)
			synctest.Wait()
			if n == 0 {
				if c, _ := r.now(); !r.has("a", catalog.Passing, catalog.Passing)(c) {
					t.Error("the first change of a burst is not seen at once")
				}
			}
			time.Sleep(2 * time.Millisecond)
		}
		fake.set("a", 7)
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		c, after := r.now()
		if s, _ := r.service(c, "a"); len(s.Instances) != 7 {
			t.Errorf("the last change is not seen after 0.1 s: %v", names(c))
		}
		if n := after - before; n > 25 {
			t.Errorf("500 changes in a second became %d Deltas", n)
		}
	})
}

// Something in front of Consul that does not wait makes Legate poll: often enough to be fresh,
// and not more often than Consul can stand, however many services there are.
func TestWhatDoesNotWaitIsPolled(t *testing.T) {
	for _, services := range []int{5, 400} {
		t.Run(fmt.Sprint(services), func(t *testing.T) {
			cfg := fakeConfig()
			cfg.Consul.MaxConnections = 5000
			fake := many(services, 2)
			inTime(t, cfg, fake, func(t *testing.T, r *reader) {
				fake.spoilWith(func(req *http.Request) (*http.Response, error) {
					fake.mu.Lock()
					defer fake.mu.Unlock()
					_, body := fake.answer(req.URL.Path)
					return consultest.Answer(200, 5, body), nil
				})
				time.Sleep(time.Minute)
				fake.take()
				time.Sleep(time.Minute)
				if asked := len(fake.take()); asked > 60*2*pollRate {
					t.Errorf("%d questions in a minute", asked)
				}
				fake.resume()
				fake.set("svc-003", 3)
				until(t, max(3*time.Second, time.Duration(services)*25*time.Millisecond), func() bool { return r.size("svc-003") == 3 })
			})
		})
	}
}
