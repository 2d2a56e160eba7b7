package watch

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"legate/discovery/catalog"
	"legate/discovery/consul"
	"legate/internal/logtest"
	"legate/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// queriesOver asks a Consul that is not there.
func queriesOver(t *testing.T, maxConnections int) *Queries {
	t.Helper()
	cfg := consul.DefaultConfig()
	cfg.MaxConnections, cfg.Datacenter = maxConnections, "dc1"
	log := slog.New(slog.DiscardHandler)
	client, err := consul.New(cfg, log, nowhere{})
	if err != nil {
		t.Fatal(err)
	}
	return New(DefaultConfig(), client, 10*time.Second, func() bool { return false }, log, nil)
}

// nowhere answers nothing.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func at(seconds float64) time.Time {
	return time.Unix(1_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

// asking is Queries under test over a fake, and what they have told.
type asking struct {
	*Queries
	*fake
	t       *testing.T
	log     *logtest.Buffer
	metrics *metrics.Metrics
	holding atomic.Bool // a loss is held

	mu     sync.Mutex
	events []Event
}

// inTime runs a story in a bubble of time. Nothing but what the story watches is asked, and the list; the
// canary looks only where the story says so.
func inTime(t *testing.T, change func(*Config, *consul.Config), story func(t *testing.T, a *asking)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := newAsking(t, change)
		a.start(func() { story(t, a) })
	})
}

// newAsking is not started.
func newAsking(t *testing.T, change func(*Config, *consul.Config)) *asking {
	t.Helper()
	a := &asking{t: t, log: &logtest.Buffer{}, metrics: metrics.New(metrics.BuildInfo{})}
	a.fake = &fake{index: 10, pages: map[string]page{}, changed: make(chan struct{})}
	a.list()
	a.service("consul", 1)
	cfg, to := DefaultConfig(), consul.DefaultConfig()
	cfg.Canary, cfg.Entries, to.Datacenter = 0, false, "dc1"
	if change != nil {
		change(&cfg, &to)
	}
	log := slog.New(slog.NewTextHandler(a.log, nil))
	client, err := consul.New(to, log, a.fake)
	if err != nil {
		t.Fatal(err)
	}
	a.Queries = New(cfg, client, 10*time.Second, a.holding.Load, log, a.metrics.Consul)
	a.Select(catalog.Selection{})
	return a
}

// start runs the Queries for the time of a story.
func (a *asking) start(story func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		a.Run(context.Background(), func(_ context.Context, events <-chan Event) {
			for {
				select {
				case e := <-events:
					a.mu.Lock()
					a.events = append(a.events, e)
					a.mu.Unlock()
				case <-over:
					return
				}
			}
		})
	}()
	defer func() {
		for _, s := range a.services {
			s.stop() // as the caller's context does that they are watched with
		}
		close(over)
		<-ended
		if a.t.Failed() {
			a.t.Logf("log:\n%s", a.log)
		}
	}()
	story()
}

// watching watches services from now on, all of which are read for the first time.
func (a *asking) watching(names ...string) []*Service {
	a.t.Helper()
	var all []*Service
	for _, name := range names {
		all = append(all, a.Watch(context.Background(), catalog.ServiceKey{Datacenter: "dc1", Name: name}))
	}
	a.Schedule()
	return all
}

// told returns the events of a kind since it was last called, which forgets the others.
func told[E Event](a *asking) (some []E) {
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.events {
		if e, is := e.(E); is {
			some = append(some, e)
		}
	}
	a.events = nil
	return some
}
