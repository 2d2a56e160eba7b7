package discovery

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/internal/consultest"
)

// seededWith watches a fake Consul with a seed, and returns the first Delta.
func seededWith(t *testing.T, cfg Config, fake *fakeConsul, seed catalog.Catalog) (catalog.Catalog, *Watcher) {
	t.Helper()
	fake.changed = make(chan struct{}) // of this bubble
	w, err := newWatcher(cfg, slog.New(slog.DiscardHandler), nil, fake)
	if err != nil {
		t.Fatal(err)
	}
	w.Seed(seed)
	ctx, cancel := context.WithCancel(t.Context())
	out, ended := make(chan catalog.Delta), make(chan error, 1)
	go func() { ended <- w.Run(ctx, out) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	select {
	case d := <-out:
		if len(d.Gone) > 0 {
			t.Errorf("the first delta takes back what nobody was told: %v", d.Gone)
		}
		return catalog.Catalog{}.Apply(d), w
	case <-time.After(time.Hour):
		return catalog.Catalog{}, w
	}
}

func seedOf(datacenter string, names ...string) catalog.Catalog {
	c := catalog.New()
	for _, name := range names {
		key := catalog.ServiceKey{Datacenter: datacenter, Name: name}
		c.Services[key] = catalog.Service{Key: key, Instances: []catalog.Instance{{ID: name + "0", Node: "old", Address: "10.9.9.9", Port: 1}}}
	}
	return c
}

func TestTheFirstDeltaOfASeededWatchIsWhatConsulSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeConsul("changed", "new", "same", "hidden")
		same, _ := seededWith(t, fakeConfig(), fake, catalog.Catalog{})
		seed := seedOf("dc1", "changed", "gone", "hidden")
		seed.Services[catalog.ServiceKey{Datacenter: "dc1", Name: "same"}] = same.Services[catalog.ServiceKey{Datacenter: "dc1", Name: "same"}]
		maps.Copy(seed.Services, seedOf("dc2", "elsewhere").Services)
		fake.unlist("hidden")
		fake.take()

		got, w := seededWith(t, fakeConfig(), fake, seed)
		if !got.Equal(same) {
			t.Errorf("got %v, want %v", names(got), names(same))
		}
		if n := w.Status().Instances["passing"]; n != 4 {
			t.Errorf("%d instances", n)
		}
		if !slices.ContainsFunc(fake.take(), func(a asked) bool { return a.path == healthPath+"gone" && a.consistent }) {
			t.Error("the service that is not listed any more went unasked")
		}
	})
}

func TestASeededServiceThatConsulDoesNotListGoesOnlyWhenThatIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeConsul("web")
		fake.spoil = func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == healthPath+"gone" {
				return nil, errors.New("connection refused")
			}
			return nil, nil
		}
		if got, w := seededWith(t, fakeConfig(), fake, seedOf("dc1", "gone", "web")); len(got.Services) != 2 || w.Status().Services != 2 {
			t.Errorf("handed out %v, status %+v", names(got), w.Status())
		}
	})
}

func TestAnAgentThatRefusesDoesNotEndASeededWatch(t *testing.T) {
	for code, body := range map[int]string{403: "ACL not found", 400: "Bad request", 404: "404 page not found"} {
		t.Run(body, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFakeConsul("web")
				fake.spoil = func(*http.Request) (*http.Response, error) { return consultest.Answer(code, 0, body), nil }
				cfg := fakeConfig()
				cfg.Consul.Datacenter = ""
				got, w := seededWith(t, cfg, fake, seedOf("dc1", "web"))
				if !got.Empty() || len(w.Status().Problems) != 1 {
					t.Errorf("handed out %v, status %+v", names(got), w.Status())
				}
			})
		})
	}
}

func TestASeededServiceThatIsGoneHasNoEvidenceOfThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := many(5, 1)
		fake.changed = make(chan struct{}) // of this bubble
		w, err := newWatcher(guardedConfig(), slog.New(slog.DiscardHandler), nil, fake)
		must(t, err)
		w.Seed(seedOf("dc1", "gone"))
		ctx, cancel := context.WithCancel(t.Context())
		out, ended := make(chan catalog.Delta, 100), make(chan error, 1)
		go func() { ended <- w.Run(ctx, out) }()
		until(t, 10*time.Second, func() bool { return w.Status().Services == 6 })
		took := until(t, 2*time.Minute, func() bool { return w.Status().Services == 5 })
		if took < 50*time.Second {
			t.Errorf("it went after %v, although nobody was there to see it deregistered", took)
		}
		cancel()
		must(t, <-ended)
	})
}
