package chaos_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// Services of a scene. Those of crowd are registered in the catalog, on nodes without an agent, so
// only the suite sets their health. Those of own belong to the agent. probed is the service whose
// instances the suite registers to see whether changes arrive.
var (
	crowd   = []string{"shop", "cart", "mail", "pay", "auth", probed}
	visited = []string{"shop", "cart"}
)

const (
	own      = "local"
	probed   = "probed"
	ofEach   = 10 // instances of each service of crowd
	ofOwn    = 3
	outsides = 4 // nodes without an agent
)

// scene is a Consul or a cluster with services, Legate, and Envoys with traffic.
type scene struct {
	consul    *parts.Consul   // the agent that Legate uses
	servers   []*parts.Consul // of consul's datacenter
	elsewhere *parts.Consul   // of another datacenter, if the scene has one
	far       *far            // other datacenters and a peer that are served, if the scene has them
	routes    []string        // what Envoys have listeners for; nil: visited
	wire      *wire           // between Legate and Consul
	front     *fakeFront      // unused until wire leads to it
	legate    *parts.Legate
	state     string // Legate's folder of state
	envoys    []*envoy
	traffic   *traffic
	base      map[string][]string // addresses of endpoints that must never be lost, by service

	backends map[string]*parts.Backend // by instance
	probes   int
	probe    string // the instance that was registered last to see changes

	// State of single faults.
	deaf          *silencer
	island        *island
	named         *wire
	hosts         string // Legate's own /etc/hosts
	token, policy string // of ACLs
	authority     *authority
	config, disk  string
	clock         string // file with the offset of Legate's clock
	plainPath     string // Legate's original path
	plainArgs     []string
	tags          []string // of the instances that register registers
	told          []string // what went wrong during the fault
	heard         []string // when changes of others were seen
	whyNot        string   // why the fault was not injected
}

// populate registers the initial services.
func (s *scene) populate(t testing.TB) {
	t.Helper()
	s.backends, s.base = map[string]*parts.Backend{}, map[string][]string{}
	for _, service := range crowd {
		for i := range ofEach {
			b := s.backend(t, fmt.Sprintf("%s-%d", service, i))
			s.base[service] = append(s.base[service], b.Addr)
		}
	}
	for i := range ofOwn {
		s.base[own] = append(s.base[own], s.backend(t, fmt.Sprintf("%s-%d", own, i)).Addr)
	}
	if err := soon(t.Context(), 30*time.Second, func() error { return s.register(t) }); err != nil {
		t.Fatal(err)
	}
}

// register registers everything that must never be lost. It may be called again.
func (s *scene) register(t testing.TB) error {
	catalog := s.servers[0].Client().Catalog()
	for _, service := range crowd {
		for i := range ofEach {
			id := fmt.Sprintf("%s-%d", service, i)
			_, err := catalog.Register(&api.CatalogRegistration{
				Node: fmt.Sprintf("outside-%d", i%outsides), Address: "127.0.0.1", SkipNodeUpdate: false,
				Service: &api.AgentService{ID: id, Service: service, Address: "127.0.0.1", Port: s.backends[id].Port, Tags: s.tags},
				Check:   &api.AgentCheck{Node: fmt.Sprintf("outside-%d", i%outsides), CheckID: "check:" + id, Name: "by hand", ServiceID: id, Status: api.HealthPassing},
			}, nil)
			if err != nil {
				return fmt.Errorf("register %q: %w", id, err)
			}
		}
	}
	for i := range ofOwn {
		id := fmt.Sprintf("%s-%d", own, i)
		if err := s.consul.Register(t.Context(), parts.Instance{ID: id, Service: own, Address: "127.0.0.1", Port: s.backends[id].Port}); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) backend(t testing.TB, instance string) *parts.Backend {
	t.Helper()
	if s.backends[instance] == nil {
		s.backends[instance] = partstest.Backend(t, instance, "127.0.0.1:0")
	}
	return s.backends[instance]
}

// serve starts Legate and the Envoys, and waits until the Envoys have everything.
func (s *scene) serve(t testing.TB, args ...string) {
	t.Helper()
	s.state = filepath.Join(t.TempDir(), "state")
	s.legate = program.Legate(t, 35*time.Second, append([]string{
		"--pprof", "--drain-delay", "0s", "--state-dir", s.state,
	}, args...)...)
	keepLog(t, s.legate)
	if err := s.legate.Launch(); err != nil {
		t.Fatal(err)
	}
	if err := s.legate.AwaitReady(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	ports := map[string]int{}
	for _, mode := range []string{"delta", "sotw"} {
		e := newEnvoy(t, s.legate, mode, mode, s.routes...)
		s.envoys = append(s.envoys, e)
		for service, port := range e.ports {
			ports[mode+"/"+service] = port
		}
	}
	s.awaitAll(t)
	s.traffic = newTraffic(t, ports)
	s.probe = s.addProbe(t)
	if err := s.everywhere(t, giveUp, func(e *envoy) error { return e.has(t.Context(), probed, s.backends[s.probe].Addr) }); err != nil {
		t.Fatal(err)
	}
}

// awaitAll waits until every Envoy has all of the scene's services.
func (s *scene) awaitAll(t testing.TB) {
	t.Helper()
	err := s.everywhere(t, giveUp, func(e *envoy) error {
		for _, service := range slices.Sorted(maps.Keys(s.base)) {
			if err := e.has(t.Context(), service, s.base[service]...); err != nil {
				return err
			}
		}
		e.complete.Store(true)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// everywhere repeats ask until it returns no error for any Envoy.
func (s *scene) everywhere(t testing.TB, limit time.Duration, ask func(*envoy) error) error {
	return soon(t.Context(), limit, func() error {
		for _, e := range s.envoys {
			if err := ask(e); err != nil {
				return err
			}
		}
		return nil
	})
}

func instanceOf(id, service string, port int) parts.Instance {
	return parts.Instance{ID: id, Service: service, Address: "127.0.0.1", Port: port}
}

// addProbe registers one more instance of the probed service.
func (s *scene) addProbe(t testing.TB) (instance string) {
	t.Helper()
	s.probes++
	instance = fmt.Sprintf("probe-%d", s.probes)
	b := s.backend(t, instance)
	err := soon(t.Context(), 30*time.Second, func() error {
		return s.consul.Register(t.Context(), parts.Instance{ID: instance, Service: probed, Address: "127.0.0.1", Port: b.Port})
	})
	if err != nil {
		t.Fatal(err)
	}
	return instance
}

// quiet returns the services whose instances never change.
func (s *scene) quiet() (services []string) {
	for service := range s.base {
		if service != probed {
			services = append(services, service)
		}
	}
	return services
}
