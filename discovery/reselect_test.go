package discovery

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
)

func TestTheSelectionCanChangeWhileTheWatchRuns(t *testing.T) {
	cfg := fakeConfig()
	cfg.Include = []string{"shop-*"}
	fake := newFakeConsul("shop-1", "shop-2", "web")
	inTime(t, cfg, fake, func(t *testing.T, r *reader) {
		is := func(want ...string) {
			t.Helper()
			synctest.Wait()
			if c, _ := r.now(); !slices.Equal(names(c), want) {
				t.Errorf("catalog %v, want %v", names(c), want)
			}
		}
		is("shop-1:1", "shop-2:1")
		if s := r.Status().Selection; !slices.Equal(s.Include, cfg.Include) {
			t.Errorf("at the start the status names %+v", s)
		}
		r.Select(catalog.Selection{Exclude: []string{"shop-2"}})
		is("shop-1:1", "web:1")
		if s := r.Status().Selection; len(s.Include) > 0 || !slices.Equal(s.Exclude, []string{"shop-2"}) {
			t.Errorf("after a change the status names %+v", s)
		}
		r.Select(catalog.Selection{Include: []string{"nothing"}})
		is()
		r.Select(catalog.Selection{Include: []string{"shop-1"}})
		r.Select(catalog.Selection{})
		is("shop-1:1", "shop-2:1", "web:1")
		fake.set("web", 2)
		time.Sleep(time.Second)
		is("shop-1:1", "shop-2:1", "web:2")
	})
}

func TestAConfigTakesAnotherSelection(t *testing.T) {
	s := catalog.Selection{Include: []string{"a*"}, Exclude: []string{"ab"}, Tags: []string{"v1"}}
	if got := DefaultConfig().Selecting(s).Selection(); !reflect.DeepEqual(got, s) {
		t.Errorf("got %+v, want %+v", got, s)
	}
}

// What is known from an earlier run only is narrowed, too, while Consul is away, or does not answer
// for the services that it lists.
func TestASelectionNarrowsWhatIsKnownFromAnEarlierRun(t *testing.T) {
	for name, away := range map[string]func(*http.Request) (*http.Response, error){
		"Consul is away": func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
		"it lists": func(req *http.Request) (*http.Response, error) {
			if strings.HasPrefix(req.URL.Path, healthPath) {
				return nil, errors.New("connection refused")
			}
			return nil, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newFakeConsul("web", "db", "api")
				fake.tagged("web", v1)
				fake.changed = make(chan struct{}) // of this bubble
				fake.spoil = away
				w := watcherOver(t, guardedConfig(), fake, io.Discard)
				seed := seedOf("dc1", "web", "db", "api")
				seed.Services[catalog.ServiceKey{Datacenter: "dc1", Name: "web"}].Instances[0].Tags = v1
				w.Seed(seed)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- w.Run(ctx, make(chan catalog.Delta)) }()
				for _, step := range []struct {
					s    catalog.Selection
					want int
				}{{catalog.Selection{}, 3}, {catalog.Selection{Exclude: []string{"api"}}, 2}, {catalog.Selection{Tags: v1}, 1}} {
					w.Select(step.s)
					time.Sleep(3 * time.Second)
					if got := w.Status().Services; got != step.want {
						t.Errorf("%+v: %d services, want %d", step.s, got, step.want)
					}
				}
				cancel()
				must(t, <-ended)
			})
		})
	}
}

// What is held of a service and what it has are both picked anew.
func TestASelectionPicksAmongWhatIsHeld(t *testing.T) {
	fake := many(5, 1)
	fake.tagged("web", v1, v1, v1, http1, http1, http1)
	inTime(t, guardedConfig(), fake, func(t *testing.T, r *reader) {
		time.Sleep(time.Minute)
		fake.tagged("web", v1)
		synctest.Wait()
		for _, step := range []struct {
			tags         []string
			served, kept int
		}{{nil, 6, 5}, {[]string{"http"}, 3, 3}, {[]string{"nothing"}, 0, 0}} {
			r.Select(catalog.Selection{Tags: step.tags})
			synctest.Wait()
			kept := 0
			for _, h := range r.Holds() {
				kept += h.Kept
			}
			if max(0, r.size("web")) != step.served || kept != step.kept || len(r.Holds()) != min(1, kept) {
				t.Errorf("%v: %d instances and %d of them kept, want %d and %d; holds %+v", step.tags, r.size("web"), kept, step.served, step.kept, r.Holds())
			}
		}
	})
}
