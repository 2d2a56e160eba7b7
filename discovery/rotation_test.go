package discovery

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"legate/discovery/catalog"
	"legate/discovery/watch"
)

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
		cfg.Consul.MaxConnections, cfg.Watch.FirstReads = watch.MinConnections, 1
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
