package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// stage is a Consul, a Legate that watches it, and Envoys that use Legate.
type stage struct {
	consul *parts.Consul
	legate *legate
	envoys []*envoy

	mu       sync.Mutex                // of backends: stories run side by side
	backends map[string]*parts.Backend // by instance
}

// newStage starts an empty Consul.
func newStage(t testing.TB, o parts.ConsulOptions) *stage {
	t.Helper()
	return &stage{consul: partstest.Consul(t, o), backends: make(map[string]*parts.Backend)}
}

// serve starts Legate and an Envoy for each of the ways, with listeners for the services.
func (s *stage) serve(t testing.TB, ways []way, services ...string) {
	t.Helper()
	s.legate = startLegate(t, s.consul)
	for _, w := range ways {
		s.envoys = append(s.envoys, startEnvoy(t, s.legate, w, services...))
	}
}

// backend starts a backend with the instance's name, unless it is running.
func (s *stage) backend(t testing.TB, instance, addr string) *parts.Backend {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.backends[instance] == nil {
		s.backends[instance] = partstest.Backend(t, instance, addr)
	}
	return s.backends[instance]
}

// running is the backend of an instance that has one.
func (s *stage) running(instance string) *parts.Backend {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.backends[instance]
}

// restart starts a backend again that was closed.
func (s *stage) restart(t testing.TB, instance string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backends[instance] = partstest.Backend(t, instance, s.backends[instance].Addr)
}

// register registers an instance on 127.0.0.1 with the weight, and returns its address.
func (s *stage) register(t testing.TB, service, instance string, weight int) (addr string) {
	t.Helper()
	b := s.backend(t, instance, "127.0.0.1:0")
	s.registerAs(t, parts.Instance{ID: instance, Service: service, Address: "127.0.0.1", Port: b.Port, Weight: weight})
	return b.Addr
}

func (s *stage) registerAs(t testing.TB, i parts.Instance) {
	t.Helper()
	if err := s.consul.Register(t.Context(), i); err != nil {
		t.Fatal(err)
	}
}

func (s *stage) deregister(t testing.TB, instance string) {
	t.Helper()
	if err := s.consul.Deregister(t.Context(), instance); err != nil {
		t.Fatal(err)
	}
}

func (s *stage) setHealth(t testing.TB, instance, status string) {
	t.Helper()
	if err := s.consul.SetHealth(t.Context(), instance, status); err != nil {
		t.Fatal(err)
	}
}

func (s *stage) setMaintenance(t testing.TB, instance string, on bool) {
	t.Helper()
	if err := s.consul.SetMaintenance(t.Context(), instance, on); err != nil {
		t.Fatal(err)
	}
}

// everywhere repeats ask for every Envoy in parallel until it returns no error.
func (s *stage) everywhere(t testing.TB, ask func(e *envoy) error) {
	t.Helper()
	s.among(t, func(*envoy) bool { return true }, ask)
}

// amongDynamic is everywhere for Envoys whose clusters come over CDS.
func (s *stage) amongDynamic(t testing.TB, ask func(e *envoy) error) {
	t.Helper()
	s.among(t, func(e *envoy) bool { return e.way.cds }, ask)
}

func (s *stage) among(t testing.TB, chosen func(*envoy) bool, ask func(*envoy) error) {
	t.Helper()
	errs := make([]error, len(s.envoys))
	var group sync.WaitGroup
	for i, e := range s.envoys {
		if chosen(e) {
			group.Go(func() {
				if err := await(func() error { return ask(e) }); err != nil {
					errs[i] = fmt.Errorf("%s: %w", e.way.name, err)
				}
			})
		}
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// socketPath returns a path for a unix socket. It is short, since the system allows only about a
// hundred characters.
func socketPath(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, name)
}

// must fails the test if something could not be done.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
