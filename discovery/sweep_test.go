package discovery

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/internal/consultest"
)

// An instance without a check is in no signal; all that shows is that the index of the list moved
// and the list did not. Then one round is as fast as it may be, and the next ones are not.
func TestInstancesThatNoSignalNamesAreSeenInOneFastRound(t *testing.T) {
	cfg, fake := manyOverFew()
	for _, n := range []int{101, 150, 181, 183, 199} {
		fake.bare(name(n), 2)
	}
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(70 * time.Second) // not at the moment at which the canary looks
		count := func(d time.Duration) int {
			fake.take()
			time.Sleep(d)
			return len(reads(fake.take()))
		}
		for _, n := range []int{101, 150, 199} { // wherever the sweep is
			fake.bare(name(n), 3)
			if fast := count(time.Second); fast < 95 || fast > 106 {
				t.Errorf("%d reads in the second after that, want a round of 100", fast)
			}
			if size := r.size(name(n)); size != 3 {
				t.Errorf("%s has %d instances a second later, want 3", name(n), size)
			}
			if slow := count(10 * time.Second); slow > 210 {
				t.Errorf("%d reads in the 10 s after that round, want 20 a second", slow)
			}
		}
		// Where signals tell of checks that come and go, they name what moves the list.
		fake.set(name(180), 4)
		time.Sleep(3 * time.Second)
		fake.bare(name(181), 3)
		if n := count(time.Second); n > 25 {
			t.Errorf("%d reads in a second although signals tell of what comes", n)
		}
		// A status alone is nothing that comes or goes.
		time.Sleep(3 * signalEvery)
		fake.between(name(182), 0, 2, "critical")
		time.Sleep(3 * time.Second)
		fake.bare(name(183), 3)
		if n := count(time.Second); n < 95 {
			t.Errorf("%d reads in a second: a change of health was taken for what came", n)
		}
		// Nor is a query for the list that ends with its wait.
		time.Sleep(3 * time.Second)
		if n := count(10 * time.Minute); n > 12_050 {
			t.Errorf("%d reads in 10 minutes in which nothing happened, want 20 a second", n)
		}
	})
}

// sweptOnly is 100 services in the ring, a turn every 30 ms, and no signals.
func sweptOnly() (Config, *fakeConsul) {
	cfg := guardedConfig()
	cfg.Consul.MaxConnections = cfg.Watch.MinConnections()
	fake := many(101, 1)
	fake.spoil = noSignals
	return cfg, fake
}

func noSignals(req *http.Request) (*http.Response, error) {
	if req.URL.Path == "/v1/health/state/any" {
		return consultest.Answer(403, 0, "no signals"), nil
	}
	return nil, nil
}

// After a stop of Consul's the turns that were missed are made up for, but not all at once.
func TestTheSweepCatchesUpWithSmallDelaysOnly(t *testing.T) {
	for _, c := range []struct {
		delay       time.Duration
		least, most int // reads from its begin until 3 s after its end
		atOnce      int // and of these at its end
	}{
		{200 * time.Millisecond, 105, 109, 7},
		{10 * time.Second, 105, 112, 8},
	} {
		cfg, fake := sweptOnly()
		inTime(t, cfg, fake, func(t *testing.T, r *reader) {
			time.Sleep(time.Minute)
			var waits atomic.Bool
			waits.Store(true)
			over := make(chan struct{})
			fake.spoilWith(func(req *http.Request) (*http.Response, error) {
				if strings.HasPrefix(req.URL.Path, healthPath) && !req.URL.Query().Has("index") && waits.Load() {
					<-over
				}
				return noSignals(req)
			})
			fake.take()
			time.Sleep(c.delay)
			waits.Store(false)
			n := len(reads(fake.take()))
			close(over)
			synctest.Wait()
			atOnce := len(reads(fake.take()))
			time.Sleep(3 * time.Second)
			n += atOnce + len(reads(fake.take()))
			if n < c.least || n > c.most || atOnce > c.atOnce {
				t.Errorf("after %v: %d reads, of these %d at once, want %d to %d and not more than %d", c.delay, n, atOnce, c.least, c.most, c.atOnce)
			}
		})
	}
}

// A service of the ring that cannot be read is Consul's trouble like any other, is asked for in its
// turn, and keeps the others waiting no longer than its sweeper rests.
func TestAServiceOfTheRingThatCannotBeReadIsNamed(t *testing.T) {
	cfg, fake := sweptOnly()
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		garbage := garbageFor(name(50))
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if resp, err := garbage(req); resp != nil {
				return resp, err
			}
			return noSignals(req)
		})
		until(t, 4*time.Second, func() bool {
			p, there := r.problem("garbage")
			return there && strings.Contains(p.Detail, name(50))
		})
		fake.take()
		time.Sleep(time.Minute)
		if n := len(reads(fake.take())); n < 1900 {
			t.Errorf("%d reads in a minute, want about 20 rounds of 100", n)
		}
		fake.set(name(50), 2)
		fake.spoilWith(noSignals)
		until(t, 4*time.Second, func() bool { _, there := r.problem("garbage"); return !there && r.size(name(50)) == 2 })
	})
}

// A service that fails again after it was well is asked for again soon, however long it failed before.
func TestAServiceThatWasWellBetweenIsAskedForSoon(t *testing.T) {
	fake := many(5, 1)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		for n := range 4 {
			fake.spoilWith(garbageFor(name(2)))
			fake.set(name(2), 5*n+2)
			time.Sleep(10 * time.Minute)
			fake.resume()
			until(t, 31*time.Second, func() bool { return r.size(name(2)) == 5*n+2 })
			time.Sleep(time.Minute)
			fake.spoilWith(garbageFor(name(2)))
			fake.set(name(2), 5*n+4)
			time.Sleep(time.Millisecond)
			fake.resume()
			until(t, 600*time.Millisecond, func() bool { return r.size(name(2)) == 5*n+4 })
		}
	})
}

func TestEveryServiceIsReadInItsTurn(t *testing.T) {
	var services []string
	for n := range 60 {
		services = append(services, fmt.Sprintf("svc-%02d", n))
	}
	fake := newFakeConsul(services...)
	cfg := fakeConfig()
	cfg.Consul.MaxConnections, cfg.Watch.SweepPeriod = 7+reserve(), 6*time.Second
	fake.spoil = func(req *http.Request) (*http.Response, error) {
		if strings.HasPrefix(req.URL.Path, "/v1/health/state") {
			return consultest.Answer(403, 0, "no signals"), nil
		}
		return nil, nil
	}
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		if s := r.Status(); s.Direct != 6 || s.Swept != 54 {
			t.Fatalf("status: %+v", s)
		}
		fake.take()
		time.Sleep(6 * time.Second)
		if n := len(fake.take()); n < 53 {
			t.Errorf("%d of 54 were read in the first round", n)
		}
		time.Sleep(60 * time.Second)
		turns := map[string]int{}
		for _, q := range fake.take() {
			if q.index == 0 {
				turns[q.path]++
			}
		}
		for _, s := range services[6:] {
			if n := turns[healthPath+s]; n < 9 || n > 11 {
				t.Errorf("%s was read %d times in ten rounds", s, n)
			}
		}
		fake.set("svc-00", -1) // had a query of its own
		fake.set("svc-59", 2)
		time.Sleep(7 * time.Second)
		synctest.Wait()
		if s := r.Status(); s.Direct != 6 || s.Swept != 53 {
			t.Errorf("a freed query is not given on: %+v", s)
		}
		if c, _ := r.now(); !r.has("svc-59", catalog.Passing, catalog.Passing)(c) {
			t.Errorf("catalog: %v", names(c))
		}
		fake.set("svc-59", 1)
		time.Sleep(7 * time.Second)
		fake.set("svc-59", 3)
		synctest.Wait()
		if c, _ := r.now(); !r.has("svc-59", catalog.Passing, catalog.Passing, catalog.Passing)(c) {
			t.Error("one that has changed has no query of its own")
		}
	})
}
