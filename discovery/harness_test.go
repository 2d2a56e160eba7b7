package discovery

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"legate/discovery/catalog"
	"legate/internal/logtest"
	"legate/internal/parts"
	"legate/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reader runs a Watcher and folds what it hands out, as a reader of it would.
type reader struct {
	*Watcher
	t       *testing.T
	fake    *fakeConsul // nil where it is a real one
	log     *logtest.Buffer
	metrics *metrics.Metrics
	end     func() error

	mu      sync.Mutex
	catalog catalog.Catalog
	deltas  []catalog.Delta
	slow    time.Duration // after each Delta
}

// start watches until the test ends.
func start(t *testing.T, cfg Config) *reader {
	t.Helper()
	return startOver(t, cfg, nil)
}

// startOver watches over a transport of the test's own.
func startOver(t *testing.T, cfg Config, rt http.RoundTripper) *reader {
	t.Helper()
	return startPreferring(t, cfg, rt, func(string) bool { return true })
}

// startPreferring watches where only some services are wanted.
func startPreferring(t *testing.T, cfg Config, rt http.RoundTripper, wanted func(string) bool) *reader {
	t.Helper()
	return startWith(t, cfg, rt, func(w *Watcher) { w.Prefer(wanted) })
}

// startWith watches as the test prepares it.
func startWith(t *testing.T, cfg Config, rt http.RoundTripper, prepare func(*Watcher)) *reader {
	t.Helper()
	r := &reader{t: t, log: &logtest.Buffer{}, metrics: metrics.New(metrics.BuildInfo{})}
	r.fake, _ = rt.(*fakeConsul)
	w, err := newWatcher(cfg, slog.New(slog.NewTextHandler(r.log, nil)), r.metrics.Consul, rt)
	must(t, err)
	r.Watcher = w
	prepare(w)
	ctx, cancel := context.WithCancel(context.Background())
	out, ended := make(chan catalog.Delta), make(chan error, 1)
	go func() {
		ended <- w.Run(ctx, out)
		close(out)
	}()
	folded := make(chan struct{})
	go func() {
		defer close(folded)
		for d := range out {
			r.fold(d)
			r.mu.Lock()
			slow := r.slow
			r.mu.Unlock()
			if slow > 0 {
				time.Sleep(slow)
			}
		}
	}()
	r.end = sync.OnceValue(func() error {
		cancel()
		<-folded
		return <-ended
	})
	t.Cleanup(func() {
		if err := r.end(); err != nil {
			t.Errorf("Run: %v", err)
		}
		if t.Failed() {
			t.Logf("status: %+v\nlog:\n%s", r.Status(), r.log)
		}
	})
	return r
}

// watcherOver is one that is not started.
func watcherOver(t *testing.T, cfg Config, rt http.RoundTripper, log io.Writer) *Watcher {
	t.Helper()
	w, err := newWatcher(cfg, slog.New(slog.NewTextHandler(log, nil)), nil, rt)
	must(t, err)
	return w
}

func (r *reader) fold(d catalog.Delta) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.catalog = r.catalog.Apply(d)
	r.deltas = append(r.deltas, d)
}

// slowDown makes the reader pause after each Delta from now on.
func (r *reader) slowDown(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slow = d
}

// now is the catalog, and how many Deltas it took.
func (r *reader) now() (catalog.Catalog, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.catalog, len(r.deltas)
}

// await waits until the catalog is as the sentence says.
func (r *reader) await(sentence string, is func(catalog.Catalog) bool) {
	r.t.Helper()
	eventually(r.t, sentence, func() bool {
		c, n := r.now()
		return n > 0 && is(c)
	})
}

// stays fails if a Delta arrives within the time.
func (r *reader) stays(d time.Duration) {
	r.t.Helper()
	_, before := r.now()
	time.Sleep(d)
	if c, after := r.now(); after != before {
		r.t.Fatalf("something was handed out: %+v, now %v", r.deltas[before:], names(c))
	}
}

func eventually(t *testing.T, sentence string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", sentence)
		}
	}
}

func names(c catalog.Catalog) []string {
	var out []string
	for _, s := range (catalog.Catalog{}).Diff(c).Set {
		out = append(out, fmt.Sprintf("%s:%d", s.Key.Name, len(s.Instances)))
	}
	return out
}

func (r *reader) service(c catalog.Catalog, name string) (catalog.Service, bool) {
	s, ok := c.Services[catalog.ServiceKey{Datacenter: "dc1", Name: name}]
	return s, ok
}

// has says that the service has so many instances of each health, and no others.
func (r *reader) has(name string, healths ...catalog.Health) func(catalog.Catalog) bool {
	return func(c catalog.Catalog) bool {
		s, ok := r.service(c, name)
		if !ok || len(s.Instances) != len(healths) {
			return false
		}
		left := map[catalog.Health]int{}
		for _, h := range healths {
			left[h]++
		}
		for _, i := range s.Instances {
			left[i.Health]--
			if left[i.Health] < 0 {
				return false
			}
		}
		return true
	}
}

func (r *reader) lacks(name string) func(catalog.Catalog) bool {
	return func(c catalog.Catalog) bool {
		_, ok := r.service(c, name)
		return !ok
	}
}

func configFor(c *parts.Consul) Config {
	cfg := DefaultConfig()
	cfg.Consul.Address, cfg.Consul.Token = c.Addr, c.Token
	cfg.Guard, cfg.Watch.Canary = noGuard(), 0
	return cfg
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// turnstile forwards connections and counts those that are open.
type turnstile struct {
	addr      string
	mu        sync.Mutex
	open, max int
	all       int
}

func newTurnstile(t *testing.T, to string) *turnstile {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ts := &turnstile{addr: l.Addr().String()}
	var group sync.WaitGroup
	t.Cleanup(func() { l.Close(); group.Wait() })
	group.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { ts.forward(in, to) })
		}
	})
	return ts
}

func (ts *turnstile) forward(in net.Conn, to string) {
	defer in.Close()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	ts.count(+1)
	defer ts.count(-1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(out, in)
		out.Close()
	}()
	_, _ = io.Copy(in, out)
	in.Close()
	<-done
}

func (ts *turnstile) count(by int) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.open += by
	ts.max = max(ts.max, ts.open)
	ts.all += max(by, 0)
}

func (ts *turnstile) counts() (open, most, all int) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.open, ts.max, ts.all
}
