package discovery

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

// wishes are the services that somebody wants, as a test has it.
type wishes struct {
	mu    sync.Mutex
	names map[string]bool
	told  func(...catalog.ServiceKey)
}

func (w *wishes) want(key catalog.ServiceKey) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.names[key.Name]
}

// own is the key of a service of the datacenter that the tests watch.
func own(name string) catalog.ServiceKey { return catalog.ServiceKey{Datacenter: "dc1", Name: name} }

// set has these wanted from now on, and tells of them one by one.
func (w *wishes) set(is bool, names ...string) {
	w.mu.Lock()
	for _, name := range names {
		w.names[name] = is
	}
	w.mu.Unlock()
	for _, name := range names {
		w.told(own(name))
	}
}

// following runs a story in which only some services are wanted.
func following(t *testing.T, cfg Config, fake *fakeConsul, seed catalog.Catalog, wanted []string, story func(t *testing.T, r *reader, w *wishes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake.changed = make(chan struct{}) // of this bubble
		w := &wishes{names: map[string]bool{}}
		for _, name := range wanted {
			w.names[name] = true
		}
		r := startWith(t, cfg, fake, func(of *Watcher) {
			of.Follow(w.want)
			of.Seed(seed)
			w.told = of.Reconsider
		})
		synctest.Wait()
		story(t, r, w)
		if err := r.end(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// read are the services that Consul was asked for since.
func (f *fakeConsul) read() (names []string) {
	for _, q := range f.take() {
		if name, is := strings.CutPrefix(q.path, healthPath); is {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestOnlyWhatIsWantedIsRead(t *testing.T) {
	following(t, guardedConfig(), many(50, 2), catalog.Catalog{}, []string{name(3), "later"}, func(t *testing.T, r *reader, w *wishes) {
		fake := r.fake
		time.Sleep(30 * time.Minute) // everything is read again meanwhile
		if read := fake.read(); !slices.Equal(read, []string{name(3)}) {
			t.Errorf("read %v", read)
		}
		if c, n := r.now(); n != 1 || len(c.Services) != 1 || r.size(name(3)) != 2 || !r.Status().Complete {
			t.Errorf("%d Deltas, %v", n, names(c))
		}
		is, other := r.Interest(own(name(3))), r.Interest(own(name(4)))
		if !is.Listed || !is.Followed || is.Read.IsZero() || !is.Unwanted.IsZero() || other != (Interest{Listed: true}) || r.Interest(own("later")) != (Interest{}) {
			t.Errorf("interests: %+v, %+v, %+v", is, other, r.Interest(own("later")))
		}
		if s := r.Status(); len(r.Unfollowed()) != 49 || s.Listed != 50 || s.Services != 1 {
			t.Errorf("%d are not followed of %d that are listed, %d are", len(r.Unfollowed()), s.Listed, s.Services)
		}
		fake.set("later", 1) // it is wanted already, and comes with the list
		until(t, 5*time.Second, func() bool { return r.size("later") == 1 })
	})
}

func TestWhatIsWantedIsReadAtOnce(t *testing.T) {
	following(t, guardedConfig(), many(50, 2), catalog.Catalog{}, nil, func(t *testing.T, r *reader, w *wishes) {
		if c, n := r.now(); n != 1 || len(c.Services) != 0 || !r.Status().Complete {
			t.Fatalf("%d Deltas, %v; the first has what is wanted, which is nothing", n, names(c))
		}
		time.Sleep(time.Minute)
		before := time.Now()
		w.set(true, name(3), name(4), "invented")
		if r.size(name(3)) != 2 || r.size(name(4)) != 2 || time.Since(before) > 0 { // no time passed
			t.Errorf("%d and %d instances after %v", r.size(name(3)), r.size(name(4)), time.Since(before))
		}
		r.fake.set(name(4), 3)
		if n := r.size(name(4)); n != 3 {
			t.Errorf("%d instances: a change is not seen", n)
		}
		if read := r.fake.read(); slices.Contains(read, "invented") {
			t.Error("a name that Consul does not list was asked for")
		}
	})
}

func TestWhatNobodyWantsAnyMoreGoesAfterAWhileAndIsNoLoss(t *testing.T) {
	fake := many(50, 4)
	cfg := guardedConfig()
	following(t, cfg, fake, catalog.Catalog{}, []string{name(1), name(2), name(3)}, func(t *testing.T, r *reader, w *wishes) {
		time.Sleep(time.Minute)
		w.set(false, name(1), name(2))
		time.Sleep(cfg.Linger - 2*time.Second)
		if r.size(name(1)) != 4 || r.size(name(2)) != 4 || r.Interest(own(name(1))).Unwanted.IsZero() {
			t.Errorf("%d and %d instances just before the end; interest %+v", r.size(name(1)), r.size(name(2)), r.Interest(own(name(1))))
		}
		w.set(true, name(2)) // a client came back
		until(t, 4*time.Second, func() bool { return r.size(name(1)) == -1 })
		time.Sleep(time.Hour)
		if r.size(name(2)) != 4 || r.size(name(3)) != 4 {
			t.Error("what is wanted again went")
		}
		if h := r.Holds(); len(h) != 0 || r.log.Count("a loss is held") != 0 {
			t.Errorf("holds: %+v", h)
		}
		fake.read()
		time.Sleep(time.Hour)
		if read := fake.read(); !slices.Equal(read, []string{name(2), name(3)}) {
			t.Errorf("asked for %v, though nobody wants that", read)
		}
		w.set(true, name(1))
		if n := r.size(name(1)); n != 4 {
			t.Errorf("%d instances when it is wanted again", n)
		}
	})
}

// A loss that is held ends when nobody wants the service any more.
func TestALossOfWhatNobodyWantsIsNotHeld(t *testing.T) {
	fake := many(50, 4)
	cfg := guardedConfig()
	cfg.Linger = 5 * time.Second
	following(t, cfg, fake, catalog.Catalog{}, []string{name(1), name(2)}, func(t *testing.T, r *reader, w *wishes) {
		time.Sleep(time.Minute)
		fake.set(name(1), 0)
		synctest.Wait()
		if h := r.Holds(); len(h) != 1 {
			t.Fatalf("holds: %+v", h)
		}
		w.set(false, name(1))
		until(t, 7*time.Second, func() bool { return len(r.Holds()) == 0 && r.size(name(1)) == -1 })
		if n := r.size(name(2)); n != 4 {
			t.Errorf("%d instances of the other", n)
		}
	})
}

// What was served before a restart is served from the start on, and clients have time to come back.
func TestWhatWasLastKnownIsFollowedUntilClientsAreBack(t *testing.T) {
	cfg := guardedConfig()
	following(t, cfg, many(50, 1), seedOf("dc1", name(1), name(2)), nil, func(t *testing.T, r *reader, w *wishes) {
		if c, n := r.now(); n != 1 || len(c.Services) != 2 {
			t.Fatalf("%d Deltas, %v", n, names(c))
		}
		time.Sleep(time.Second)
		w.set(true, name(2), name(3))
		until(t, cfg.Linger+2*time.Second, func() bool { return r.size(name(1)) == -1 })
		if r.size(name(2)) != 1 || r.size(name(3)) != 1 || len(r.Holds()) > 0 {
			t.Errorf("%d and %d instances, holds %+v", r.size(name(2)), r.size(name(3)), r.Holds())
		}
	})
}

// More than is worth remembering is asked about as a whole, and who tells never waits.
func TestManyWishesAtOnce(t *testing.T) {
	following(t, guardedConfig(), many(100, 1), catalog.Catalog{}, nil, func(t *testing.T, r *reader, w *wishes) {
		w.mu.Lock()
		for n := range 100 {
			w.names[name(n)] = true
		}
		w.mu.Unlock()
		keys := make([]catalog.ServiceKey, 3*maxReconsidered)
		for n := range keys {
			keys[n] = catalog.ServiceKey{Datacenter: "dc1", Name: "invented-" + name(n)}
		}
		r.Reconsider(keys...)
		if n := r.instances(); n != 100 {
			t.Errorf("%d instances", n)
		}
	})
	w, err := newWatcher(fakeConfig(), slog.New(slog.DiscardHandler), nil, newFakeConsul())
	must(t, err)
	for range 10 { // it does not run
		w.Reconsider()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, w.Run(ctx, make(chan catalog.Delta)))
}
