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
	"legate/discovery/guard"
	"legate/internal/consultest"
	"legate/internal/metricstest"
)

// withEntries is the guard as users have it, over a fake.
func withEntries() Config {
	cfg := guardedConfig()
	cfg.Watch.Entries = true
	return cfg
}

func (r *reader) holds(why string, entries ...string) bool {
	var held []string
	for _, h := range r.Holds() {
		if h.Why == why {
			held = append(held, h.Entry)
		}
	}
	return slices.Equal(held, entries)
}

func (r *reader) hasProblem(kind string) bool {
	return slices.ContainsFunc(r.Status().Problems, func(p catalog.Problem) bool { return p.Kind == kind })
}

// spoilEntries spoils answers about config entries alone.
func spoilEntries(f *fakeConsul, with func(req *http.Request) (*http.Response, error)) {
	f.spoilWith(func(req *http.Request) (*http.Response, error) {
		if strings.HasPrefix(req.URL.Path, configPath) {
			return with(req)
		}
		return nil, nil
	})
}

// The first Delta is complete: a service must not be served in one way at first, and then in another.
func TestAStartWaitsForConfigEntries(t *testing.T) {
	for what, trouble := range map[string]func(req *http.Request) (*http.Response, error){
		"is in trouble": func(*http.Request) (*http.Response, error) {
			return consultest.Answer(500, 0, "No cluster leader"), nil
		},
		"does not answer": func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		},
		"is told of no token": nil,
	} {
		fake := newFakeConsul("web")
		fake.write(defaultsOf("web"), "grpc")
		if trouble != nil {
			spoilEntries(fake, trouble)
		} else {
			fake.spoilWith(func(*http.Request) (*http.Response, error) { return consultest.Answer(403, 0, "ACL not found"), nil })
		}
		inTime(t, withEntries(), fake, func(t *testing.T, r *reader) {
			time.Sleep(10 * time.Minute)
			if _, n := r.now(); n > 0 {
				t.Errorf("a Consul that %s: something was handed out", what)
			}
			if len(r.Status().Problems) == 0 {
				t.Errorf("a Consul that %s: nothing is said of it", what)
			}
			fake.resume()
			until(t, time.Minute, func() bool { _, n := r.now(); return n > 0 })
			if first := (catalog.Catalog{}).Apply(r.deltas[0]); !speaks(defaultsOf("web"), "grpc")(first) || len(first.Services) != 1 {
				t.Errorf("a Consul that %s: the first delta is %+v", what, first)
			}
		})
	}
}

// What Consul does not tell is not waited for: not for longer than it takes to say so.
func TestAStartDoesNotWaitForConfigEntriesThatAreNotTold(t *testing.T) {
	for what, trouble := range map[string]func(f *fakeConsul) func(req *http.Request) (*http.Response, error){
		"refuses": func(*fakeConsul) func(*http.Request) (*http.Response, error) {
			return func(*http.Request) (*http.Response, error) { return consultest.Answer(403, 0, "Forbidden"), nil }
		},
		"does not know them": func(*fakeConsul) func(*http.Request) (*http.Response, error) {
			return func(*http.Request) (*http.Response, error) {
				return consultest.Answer(404, 0, "404 page not found"), nil
			}
		},
		"hides them": func(f *fakeConsul) func(*http.Request) (*http.Response, error) {
			f.config.rights = func(catalog.EntryKey) bool { return false }
			return func(*http.Request) (*http.Response, error) { return nil, nil }
		},
	} {
		fake := newFakeConsul("web")
		fake.write(defaultsOf("web"), "grpc")
		spoilEntries(fake, trouble(fake))
		inTime(t, withEntries(), fake, func(t *testing.T, r *reader) {
			if c, n := r.now(); n != 1 || len(c.Services) != 1 || len(c.Entries) != 0 {
				t.Errorf("a Consul that %s: %d deltas give %+v at once, want the services", what, n, c)
			}
			time.Sleep(10 * time.Minute)
			if !r.hasProblem("hidden_entries") || !r.Status().Connected {
				t.Errorf("a Consul that %s: the status does not say so: %+v", what, r.Status())
			}
			if n := r.log.Count("consul does not tell all config entries"); n < 1 || n > 3 {
				t.Errorf("a Consul that %s: %d lines, want one for each kind", what, n)
			}
			if _, n := r.now(); n != 1 {
				t.Errorf("a Consul that %s: %d deltas", what, n)
			}
			fake.allows(nil)
			fake.resume()
			until(t, 2*time.Minute, func() bool {
				c, _ := r.now()
				return speaks(defaultsOf("web"), "grpc")(c) && len(r.Status().Problems) == 0
			})
		})
	}
}

// A restarted follower, that has not loaded its state yet, answers 200 with nothing.
func TestAServerThatHasLoadedNothingTakesNoConfigEntryAway(t *testing.T) {
	fake := newFakeConsul("web")
	fake.write(defaultsOf("web"), "grpc")
	inTime(t, withEntries(), fake, func(t *testing.T, r *reader) {
		spoilEntries(fake, func(req *http.Request) (*http.Response, error) {
			if req.URL.Query().Has("consistent") {
				return nil, nil
			}
			return consultest.Answer(200, 1, "[]"), nil
		})
		time.Sleep(5 * time.Minute)
		if _, n := r.now(); n != 1 || len(r.Holds()) > 0 {
			t.Errorf("%d deltas, holds %+v", n, r.Holds())
		}
		if metricstest.Sum(t, r.metrics, "legate_consul_answers_rejected_total", "index_one") == 0 {
			t.Error("no answer was rejected")
		}
	})
}

// A snapshot of before the entry was written is restored.
func TestARestoredSnapshotTakesNoConfigEntryAway(t *testing.T) {
	fake := newFakeConsul("web", "db")
	fake.write(defaultsOf("db"), "tcp")
	fake.write(defaultsOf("web"), "grpc")
	inTime(t, withEntries(), fake, func(t *testing.T, r *reader) {
		fake.mu.Lock()
		delete(fake.config.protocols, defaultsOf("web"))
		fake.mu.Unlock()
		fake.restore(5)
		until(t, time.Minute, func() bool { return r.holds("datacenter", "service-defaults/web") })
		time.Sleep(50 * time.Minute)
		if _, n := r.now(); n != 1 || !r.hasProblem("held_entries") {
			t.Errorf("%d deltas, status %+v", n, r.Status())
		}
		time.Sleep(11 * time.Minute)
		if c, _ := r.now(); !silentAbout(defaultsOf("web"))(c) || !speaks(defaultsOf("db"), "tcp")(c) {
			t.Errorf("not for ever: %+v", c.Entries)
		}
		if n := r.log.Count("all of consul is read again"); n != 1 {
			t.Errorf("all was read again %d times", n)
		}
	})
}

// A snapshot of before the entries were written is restored. The services are the same in it, so that their list
// does not show that. What the snapshot says of entries is believed, but not before the leader has said it twice.
func TestARestoredSnapshotChangesNoConfigEntryBackAtOnce(t *testing.T) {
	fake := newFakeConsul("web", "db")
	fake.write(defaultsOf("web"), "http")
	fake.write(defaultsOf("old"), "tcp")
	restore := fake.saved()
	fake.write(defaultsOf("old"), "")
	fake.write(defaultsOf("web"), "grpc")
	inTime(t, withEntries(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		restore()
		took := until(t, time.Minute, func() bool { return r.holds("entry_reverted", "service-defaults/old", "service-defaults/web") })
		if took > 20*time.Second {
			t.Errorf("it shows after %v, want within the canary's interval", took)
		}
		time.Sleep(9 * time.Second)
		if _, n := r.now(); n != 1 || !r.hasProblem("held_entry_reverted") {
			t.Errorf("%d deltas, status %+v", n, r.Status())
		}
		time.Sleep(3 * time.Second)
		if c, _ := r.now(); !speaks(defaultsOf("web"), "http")(c) || !speaks(defaultsOf("old"), "tcp")(c) || len(r.Holds()) > 0 {
			t.Errorf("not for ever: %+v, holds %+v", c.Entries, r.Holds())
		}

		fake.write(defaultsOf("web"), "http2")
		fake.write(defaultsOf("web"), "grpc")
		time.Sleep(20 * time.Second) // the canary knows that index
		restore()
		until(t, time.Minute, func() bool { return r.holds("entry_reverted", "service-defaults/web") })
		fake.write(defaultsOf("web"), "tcp")
		time.Sleep(time.Second)
		if c, _ := r.now(); !speaks(defaultsOf("web"), "tcp")(c) || len(r.Holds()) > 0 {
			t.Errorf("what a person writes after that waits: %+v, holds %+v", c.Entries, r.Holds())
		}
	})
}

// The rights are lost without a word: no query returns, and no index moves.
func TestRightsThatAreLostSilentlyTakeNoConfigEntryAway(t *testing.T) {
	fake := newFakeConsul("web")
	fake.write(defaultsOf("web"), "grpc")
	fake.write(catalog.EntryKey{Kind: catalog.ProxyDefaults, Name: catalog.GlobalEntry}, "http")
	inTime(t, withEntries(), fake, func(t *testing.T, r *reader) {
		fake.allows(func(catalog.EntryKey) bool { return false })
		until(t, 3*time.Minute, func() bool { return r.holds("entry_hidden", "service-defaults/web") })
		fake.mu.Lock()
		fake.config.asked = nil
		fake.mu.Unlock()
		time.Sleep(time.Hour)
		if _, n := r.now(); n != 1 || !r.holds("entry_hidden", "service-defaults/web") {
			t.Errorf("%d deltas, holds %+v", n, r.Holds())
		}
		fake.mu.Lock()
		n := len(fake.config.asked)
		fake.mu.Unlock()
		if n < 300 || n > 370 {
			t.Errorf("in an hour Consul was asked for the entry %d times, want once in 10 s", n)
		}
		fake.allows(nil)
		took := until(t, time.Minute, func() bool { return len(r.Holds()) == 0 })
		t.Logf("over after %v", took)
		if _, n := r.now(); n != 1 {
			t.Errorf("%d deltas", n)
		}
		fake.write(defaultsOf("web"), "")
		until(t, time.Minute, func() bool { c, _ := r.now(); return silentAbout(defaultsOf("web"))(c) && len(c.Entries) == 1 })
	})
}

// The rights come back, and the entry is deleted before it is listed again: what the query saw last, while
// the entry was hidden, and what it sees now are the same.
func TestAnEntryThatIsSeenByNameAloneAndThenDeletedGoes(t *testing.T) {
	fake := newFakeConsul("web")
	fake.write(defaultsOf("web"), "grpc")
	inTime(t, withEntries(), fake, func(t *testing.T, r *reader) {
		fake.allows(func(catalog.EntryKey) bool { return false })
		until(t, 3*time.Minute, func() bool { return r.holds("entry_hidden", "service-defaults/web") })
		fake.spoilWith(func(req *http.Request) (*http.Response, error) { // what is asked for by name is the last that is seen of it
			if key, named := entryIn(req.URL.Path); named && key == defaultsOf("web") {
				fake.mu.Lock()
				delete(fake.config.protocols, key)
				fake.config.rights = nil
				fake.index++
				fake.config.at = fake.index
				fake.mu.Unlock()
				fake.resume()
				return consultest.Answer(200, 20, consultest.JSON(entryJSON(key, "grpc", 20))), nil
			}
			return nil, nil
		})
		until(t, time.Minute, func() bool { c, _ := r.now(); return silentAbout(defaultsOf("web"))(c) && len(r.Holds()) == 0 })
	})
}

// Each kind is read again consistently in turn, so that what its query has missed surfaces.
func TestConfigEntriesAreReadAgainInTurn(t *testing.T) {
	fake := newFakeConsul("web")
	fake.write(defaultsOf("web"), "grpc")
	cfg := withEntries()
	cfg.Consul.Wait = 10 * time.Minute
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.take()
		fake.mu.Lock()
		fake.config.protocols[defaultsOf("web")] = "tcp" // nobody hears of it
		fake.mu.Unlock()
		time.Sleep(cfg.Guard.Reread + time.Minute)
		read := map[string]int{}
		for _, q := range fake.take() {
			if strings.HasPrefix(q.path, configPath) && q.consistent {
				read[strings.TrimPrefix(q.path, configPath)]++
			}
		}
		if len(read) != 3 || read[catalog.ServiceDefaults] > 3 {
			t.Errorf("read again were %v", read)
		}
		if c, _ := r.now(); !speaks(defaultsOf("web"), "tcp")(c) {
			t.Errorf("what was missed does not surface: %+v", c.Entries)
		}
	})
}

// entriesSeed is what an earlier run knew.
func entriesSeed(datacenter string) catalog.Catalog {
	c := seedOf(datacenter, "web")
	for _, name := range []string{"web", "gone"} {
		c.Entries[defaultsOf(name)] = catalog.Entry{Key: defaultsOf(name), Protocol: "grpc"}
	}
	return c
}

func TestSeededConfigEntriesAreJudgedLikeSeededServices(t *testing.T) {
	for what, c := range map[string]struct {
		seed   catalog.Catalog
		change func(*Config)
		spoil  bool
		want   []string
	}{
		"what is not listed is held at first": {seed: entriesSeed("dc1"), want: []string{"gone", "web"}},
		"what is refused stays":               {seed: entriesSeed("dc1"), spoil: true, want: []string{"gone", "web"}},
		"of another datacenter":               {seed: entriesSeed("dc2"), want: []string{"web"}},
		"entries are not watched":             {seed: entriesSeed("dc1"), change: func(c *Config) { c.Watch.Entries = false }},
	} {
		synctest.Test(t, func(t *testing.T) {
			fake := newFakeConsul("web")
			fake.write(defaultsOf("web"), "grpc")
			if c.spoil {
				spoilEntries(fake, func(*http.Request) (*http.Response, error) { return consultest.Answer(403, 0, "Forbidden"), nil })
			}
			cfg := withEntries()
			if c.change != nil {
				c.change(&cfg)
			}
			got, _ := seededWith(t, cfg, fake, c.seed)
			var names []string
			for _, e := range (catalog.Catalog{}).Diff(got).Entries {
				names = append(names, e.Key.Name)
			}
			if !slices.Equal(names, c.want) {
				t.Errorf("%s: the first delta has the entries %v, want %v", what, names, c.want)
			}
		})
	}
}

func TestASeededConfigEntryGoesWhenThatIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeConsul("web")
		fake.write(defaultsOf("web"), "grpc")
		fake.changed = make(chan struct{}) // of this bubble
		w, err := newWatcher(withEntries(), slog.New(slog.DiscardHandler), nil, fake)
		must(t, err)
		w.Seed(entriesSeed("dc1"))
		ctx, cancel := context.WithCancel(t.Context())
		out, ended := make(chan catalog.Delta, 100), make(chan error, 1)
		go func() { ended <- w.Run(ctx, out) }()
		entries := func() int { return w.Status().Entries[catalog.ServiceDefaults] }
		until(t, 10*time.Second, func() bool { return entries() == 2 && len(w.Holds()) == 1 })
		took := until(t, time.Minute, func() bool { return entries() == 1 })
		if took < guard.DefaultConfig().Confirm-time.Second {
			t.Errorf("it went after %v", took)
		}
		cancel()
		must(t, <-ended)
	})
}

// Read gives what a Watcher's first Delta gives.
func TestReadReadsConfigEntries(t *testing.T) {
	for what, c := range map[string]struct {
		answer func(req *http.Request) (*http.Response, error)
		want   int
		fails  bool
	}{
		"as they are": {func(*http.Request) (*http.Response, error) { return nil, nil }, 1, false},
		"refused":     {func(*http.Request) (*http.Response, error) { return consultest.Answer(403, 0, "Forbidden"), nil }, 0, false},
		"in trouble": {func(*http.Request) (*http.Response, error) {
			return consultest.Answer(500, 0, "No cluster leader"), nil
		}, 0, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			fake := newFakeConsul("web")
			fake.changed = make(chan struct{})
			fake.write(defaultsOf("web"), "grpc")
			spoilEntries(fake, c.answer)
			w, err := newWatcher(withEntries(), slog.New(slog.DiscardHandler), nil, fake)
			must(t, err)
			got, err := w.Read(t.Context())
			if (err != nil) != c.fails || len(got.Entries) != c.want || !c.fails && len(got.Services) != 1 {
				t.Errorf("%s: read %+v, %v", what, got, err)
			}
		})
	}
}
