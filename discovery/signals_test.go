package discovery

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/internal/consultest"
)

// manyOverFew is 200 services of which 100 have a blocking query.
func manyOverFew() (Config, *fakeConsul) {
	cfg := guardedConfig()
	cfg.Consul.MaxConnections = 101 + reserve()
	return cfg, many(200, 2)
}

func TestASignalNamesWhatToReadAgain(t *testing.T) {
	cfg, fake := manyOverFew()
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		if w := r.Asked().Watches; w.Direct != 100 || w.Swept != 100 || w.Signals != 1 || w.Round < 5 || w.Round > 60 {
			t.Errorf("watches: %+v", w)
		}
		if s := r.Status(); s.Direct != 100 || s.Swept != 100 {
			t.Fatalf("status: %+v", s)
		}
		for n := 150; n < 160; n++ { // one after the other, so that each waits as long as it may
			fake.between(name(n), 0, 3, "passing")
			if took := until(t, 2*time.Second, func() bool { return r.size(name(n)) == 3 }); took > signalEvery+100*time.Millisecond {
				t.Errorf("an instance of %s was seen after %v", name(n), took)
			}
			time.Sleep(170 * time.Millisecond)
		}
	})
}

// The check of a node names no service: all that have an instance there are read again, and no others.
func TestASignalOfANodeNamesTheServicesOnIt(t *testing.T) {
	cfg, fake := manyOverFew()
	on := map[string][]string{"m1": {name(150), name(151), name(152)}, "m2": {name(160)}}
	all := func(node, status string) {
		for _, name := range on[node] {
			fake.onNode(node, name, status)
		}
	}
	all("m1", "passing")
	all("m2", "passing")
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for node, services := range on {
			time.Sleep(10 * time.Second)
			all(node, "critical")
			fake.take()
			took := until(t, 2*time.Second, func() bool {
				c, _ := r.now()
				return !slices.ContainsFunc(services, func(name string) bool { return !r.has(name, catalog.Critical, catalog.Critical)(c) })
			})
			if n := len(reads(fake.take())); n > len(services)+20*int(took/time.Second+1) {
				t.Errorf("%s: %d reads in %v, want %d and those whose turn it was", node, n, took, len(services))
			}
		}
	})
}

// reads are the questions about services, of all, that need no waiting and are no leader's.
func reads(all []asked) []asked {
	return slices.DeleteFunc(all, func(q asked) bool {
		return q.index > 0 || q.consistent || !strings.HasPrefix(q.path, healthPath)
	})
}

func TestWhatNoSignalShowsIsSeenInHalfAMinute(t *testing.T) {
	cfg, fake := manyOverFew()
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.mu.Lock()
		fake.put(name(180), 0, 2, "passing") // its checks are as they were
		fake.entries[name(180)][0].(map[string]any)["Service"].(map[string]any)["Port"] = 4711
		fake.mu.Unlock()
		until(t, 30*time.Second, func() bool {
			synctest.Wait()
			c, _ := r.now()
			s, _ := r.service(c, name(180))
			return s.Instances[0].Port == 4711
		})
	})
}

func TestAServiceThatChangesGetsAQueryOfItsOwn(t *testing.T) {
	cfg, fake := manyOverFew()
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.set("svc-190", 3)
		time.Sleep(2 * time.Second)
		fake.set("svc-190", 5)
		time.Sleep(2 * time.Second)
		fake.set("svc-190", 4)
		if n := r.size("svc-190"); n != 4 {
			t.Errorf("%d instances: it is not watched", n)
		}
		waiting := func() int {
			n := 0
			for _, q := range fake.take() {
				if strings.HasPrefix(q.path, healthPath) && q.index > 0 {
					n++
				}
			}
			return n
		}
		waiting()
		time.Sleep(time.Minute)
		if s := r.Status(); s.Direct != 100 {
			t.Errorf("%d services have a query of their own", s.Direct)
		}
		if n := waiting(); n < 95 || n > 140 {
			t.Errorf("%d blocking queries in a minute of 100 services", n)
		}
	})
}

func TestServicesThatOneSignalNamesGetTheirQueriesTogether(t *testing.T) {
	cfg, fake := manyOverFew()
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for _, size := range []int{3, 5} {
			for n := 190; n < 190+promoteFirst; n++ {
				fake.set(name(n), size)
			}
			time.Sleep(2 * time.Second)
		}
		for n := 190; n < 190+promoteFirst; n++ {
			fake.set(name(n), 4)
			if size := r.size(name(n)); size != 4 {
				t.Errorf("%s has %d instances: it is not watched", name(n), size)
			}
		}
	})
}

func TestWithMoreChangesThanConnectionsQueriesStayWhereTheyAre(t *testing.T) {
	cfg, fake := manyOverFew()
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		for n := range 200 { // all of them, again and again
			fake.set(name(n), 3)
			time.Sleep(100 * time.Millisecond)
		}
		fake.take()
		for n := range 200 {
			fake.set(name(n), 4)
			time.Sleep(100 * time.Millisecond)
		}
		again := 0
		for _, q := range fake.take() {
			if q.consistent && strings.HasPrefix(q.path, healthPath) {
				again++
			}
		}
		if again > 120 {
			t.Errorf("queries were moved %d times in 20 s", again)
		}
		time.Sleep(2 * time.Second)
		for n := range 200 {
			if got := r.size(name(n)); got != 4 {
				t.Errorf("%s has %d instances", name(n), got)
			}
		}
	})
}

func TestWithoutSignalsTheSweepIsFaster(t *testing.T) {
	cfg, fake := manyOverFew()
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		count := func(d time.Duration) (n int) {
			fake.take()
			time.Sleep(d)
			return len(reads(fake.take()))
		}
		if n := count(10 * time.Second); n < 150 || n > 210 {
			t.Errorf("%d reads in 10 s with signals, want 20 a second", n)
		}
		fake.spoilWith(func(req *http.Request) (*http.Response, error) {
			if strings.HasPrefix(req.URL.Path, "/v1/health/state") {
				return consultest.Answer(403, 0, "no signals"), nil
			}
			return nil, nil
		})
		if n := count(10 * time.Second); n < 300 {
			t.Errorf("%d reads in 10 s without", n)
		}
	})
}

func TestQueriesGoToWhatSomebodyWants(t *testing.T) {
	cfg, fake := manyOverFew()
	synctest.Test(t, func(t *testing.T) {
		fake.changed = make(chan struct{}) // of this bubble
		wanted := map[string]bool{"svc-190": true}
		r := startPreferring(t, cfg, fake, func(service string) bool { return wanted[service] })
		time.Sleep(time.Minute)
		for n := range 2 {
			fake.set("svc-191", 4-n)
			fake.set("svc-190", 4-n)
			time.Sleep(2 * time.Second)
		}
		fake.set("svc-190", 4)
		synctest.Wait() // the signals have just been read, and rest
		fake.set("svc-191", 4)
		fake.set("svc-190", 5)
		if a, b := r.size("svc-190"), r.size("svc-191"); a != 5 || b != 3 {
			t.Errorf("the one that is wanted has %d instances, the other %d at once; want 5 and still 3", a, b)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// Services that an earlier run knew go while they wait to be read for the first time, and are
// dropped on their own answer. They are more than there are connections: what watches for services
// without one ends when there is none.
func TestTheQueryOverAllChecksEndsWithTheLastServiceThatNeedsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var going []string
		for n := range 20 {
			going = append(going, name(n))
		}
		fake := newFakeConsul(append(going, "web")...)
		fake.changed = make(chan struct{}) // of this bubble
		fake.slowDown(time.Second)
		cfg := fakeConfig()
		cfg.Consul.MaxConnections, cfg.Watch.FirstReads = cfg.Watch.MinConnections(), 1
		w, err := newWatcher(cfg, slog.New(slog.DiscardHandler), nil, fake)
		must(t, err)
		w.Seed(seedOf("dc1", append(going, "web")...))
		ctx, cancel := context.WithCancel(t.Context())
		out, ended := make(chan catalog.Delta, 100), make(chan error, 1)
		go func() { ended <- w.Run(ctx, out) }()
		time.Sleep(1500 * time.Millisecond) // the list is read, and says that they are there
		for _, name := range going {
			fake.set(name, -1)
		}
		until(t, time.Minute, func() bool { s := w.Status(); return s.Complete && s.Services == 1 })
		time.Sleep(2 * time.Minute)
		if n := w.Status().Swept; n != 0 {
			t.Errorf("%d services are read in turn, and there is but one, with a connection of its own", n)
		}
		fake.take()
		time.Sleep(10 * time.Minute)
		for _, q := range fake.take() {
			if q.path == "/v1/health/state/any" {
				t.Error("the query over all checks goes on, for nobody")
				break
			}
		}
		cancel()
		must(t, <-ended)
	})
}
