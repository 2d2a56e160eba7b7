package chaos_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
)

// Services that flap, and instances of each in each datacenter: of these at least leastFlapping are registered, so
// that no loss is suspicious.
const (
	flappingServices = 10
	ofFlapping       = 6
	leastFlapping    = 4
)

// flappers is what a datacenter's flapping services are, by service and instance: the health, or nothing if
// it is not registered.
type flappers map[string]map[int]string

// registerFlappers registers all of a datacenter. They stay: to lose them at once would be suspicious.
func (s *scene) registerFlappers(t testing.TB, c *parts.Consul) error {
	for n := range flappingServices {
		for k := range ofFlapping {
			if err := s.setFar(t, c, fmt.Sprintf("flap-%d", n), k, api.HealthPassing); err != nil {
				return err
			}
		}
	}
	return nil
}

// flapping changes the services in all datacenters at once, and then compares each Envoy with what was done.
func flapping(t *testing.T, s *scene) {
	at := s.far.Consuls
	all := make([]flappers, len(at))
	for i := range at {
		all[i] = flappers{}
		for n := range flappingServices {
			service := fmt.Sprintf("flap-%d", n)
			all[i][service] = map[int]string{}
			for k := range ofFlapping {
				all[i][service][k] = api.HealthPassing
			}
		}
	}
	errs := make([]error, len(at))
	var flapping sync.WaitGroup
	began := time.Now()
	for i, c := range at {
		random := rand.New(rand.NewPCG(uint64(i), 14))
		flapping.Go(func() {
			for time.Since(began) < 2*converge && errs[i] == nil || *whole && time.Since(began) < 6*converge && errs[i] == nil {
				errs[i] = all[i].step(t, s, c, random)
			}
		})
	}
	flapping.Wait()
	for _, err := range errs {
		must(t, err)
	}
	s.meanwhile(t)
	if err := s.everywhere(t, giveUp, func(e *envoy) error { return e.flaps(t, s, at, all) }); err != nil {
		s.told = append(s.told, err.Error())
	}
}

// step changes one instance.
func (f flappers) step(t *testing.T, s *scene, c *parts.Consul, random *rand.Rand) error {
	service, k := fmt.Sprintf("flap-%d", random.IntN(flappingServices)), random.IntN(ofFlapping)
	registered := 0
	for _, health := range f[service] {
		if health != "" {
			registered++
		}
	}
	switch health := []string{api.HealthPassing, api.HealthCritical, ""}[random.IntN(3)]; {
	case health != "":
		f[service][k] = health
		return s.setFar(t, c, service, k, health)
	case f[service][k] != "" && registered > leastFlapping:
		f[service][k] = ""
		return s.removeFar(c, service, k)
	}
	return nil
}

// flaps returns an error unless Envoy has exactly what is registered: of each datacenter by its name, and under the
// service's own name all together, with the own datacenter's first.
func (e *envoy) flaps(t *testing.T, s *scene, at []*parts.Consul, all []flappers) error {
	clusters, err := e.Clusters(t.Context())
	if err != nil {
		return err
	}
	inEnvoy := map[string]string{api.HealthPassing: "HEALTHY", api.HealthCritical: "UNHEALTHY"}
	for n := range flappingServices {
		service := fmt.Sprintf("flap-%d", n)
		together := map[string]string{}
		for i, c := range at {
			want := map[string]string{}
			for k, health := range all[i][service] {
				if health != "" {
					addr := s.backends[s.far.id(service, c, k)].Addr
					want[addr], together[addr] = inEnvoy[health], inEnvoy[health]
				}
			}
			if c == s.consul {
				continue
			}
			if got := healths(clusters[service+"."+c.Datacenter]); !maps.Equal(got, want) {
				return fmt.Errorf("%s has %s.%s as %v, want %v", e.name, service, c.Datacenter, got, want)
			}
		}
		if got := healths(clusters[service]); !maps.Equal(got, together) {
			return fmt.Errorf("%s has %s as %v, want %v", e.name, service, got, together)
		}
		for _, p := range clusters[service].Endpoints {
			if local := s.isLocal(p.Address, service, all[0]); local != (p.Priority == 0) {
				return fmt.Errorf("%s has %s of %s with priority %d", e.name, p.Address, service, p.Priority)
			}
		}
	}
	return nil
}

// isLocal says whether the address is one of dc1's instances.
func (s *scene) isLocal(addr, service string, here flappers) bool {
	for k := range here[service] {
		if s.backends[s.far.id(service, s.consul, k)].Addr == addr {
			return true
		}
	}
	return false
}

func healths(c parts.EnvoyCluster) map[string]string {
	by := map[string]string{}
	for _, p := range c.Endpoints {
		by[p.Address] = p.Health
	}
	return by
}
