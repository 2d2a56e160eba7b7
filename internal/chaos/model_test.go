package chaos_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
)

// model records what was done to Consul, and so what every Envoy must have in the end.
type model struct {
	consul   *parts.Consul
	services map[string]map[string]*member // by service and instance
	gone     map[string]bool               // services that were removed
	next     int
	taken    []time.Time // when instances were removed recently
	done     map[string]int
}

// member is an instance as it was registered. Nobody listens at its address.
type member struct {
	address string
	weight  int
	health  string // Consul's health, or maintenance
}

const maintenance = "maintenance"

func newModel(consul *parts.Consul) *model {
	return &model{consul: consul, services: map[string]map[string]*member{}, gone: map[string]bool{}, done: map[string]int{}}
}

// Sizes around which the model stays: services, and instances of each.
const (
	modelServices  = 25
	modelInstances = 8
)

// step makes one random change to Consul.
func (m *model) step(ctx context.Context) error {
	service := fmt.Sprintf("random-%02d", rand.IntN(modelServices))
	members := m.services[service]
	switch n := rand.IntN(100); {
	case len(members) < 3 || n < 30 && len(members) < modelInstances:
		return m.did("register", m.register(ctx, service))
	case n < 45 && len(members) > 4 && m.mayRemove(1):
		return m.did("deregister", m.deregister(ctx, service, m.pick(members)))
	case n < 47 && m.mayRemove(len(members)):
		return m.did("remove service", m.remove(ctx, service))
	case n < 75:
		return m.did("health", m.setHealth(ctx, members, m.pick(members)))
	case n < 85:
		return m.did("maintenance", m.setMaintenance(ctx, members, m.pick(members)))
	default:
		id := m.pick(members)
		members[id].weight = 1 + rand.IntN(9)
		return m.did("weight", m.tell(ctx, service, id))
	}
}

func (m *model) did(what string, err error) error {
	m.done[what]++
	return err
}

func (m *model) pick(members map[string]*member) string {
	ids := slices.Sorted(maps.Keys(members))
	return ids[rand.IntN(len(ids))]
}

// mayRemove limits removals within a minute to what Legate believes at once.
func (m *model) mayRemove(n int) bool {
	all := 0
	for _, members := range m.services {
		all += len(members)
	}
	m.taken = slices.DeleteFunc(m.taken, func(at time.Time) bool { return time.Since(at) > time.Minute })
	if (len(m.taken)+n)*10 > all {
		return false
	}
	for range n {
		m.taken = append(m.taken, time.Now())
	}
	return true
}

func (m *model) register(ctx context.Context, service string) error {
	m.next++
	id := fmt.Sprintf("%s-%d", service, m.next)
	if m.services[service] == nil {
		m.services[service] = map[string]*member{}
		delete(m.gone, service)
	}
	m.services[service][id] = &member{address: fmt.Sprintf("127.%d.%d.%d", 1+m.next/60000, m.next/250%240, 1+m.next%250), weight: 1 + rand.IntN(9), health: api.HealthPassing}
	return m.tell(ctx, service, id)
}

// tell registers the instance in its new state. That sets its check to passing.
func (m *model) tell(ctx context.Context, service, id string) error {
	i := m.services[service][id]
	err := m.consul.Register(ctx, parts.Instance{ID: id, Service: service, Address: i.address, Port: 80, Weight: i.weight})
	if err == nil && i.health == maintenance {
		return nil
	}
	i.health = api.HealthPassing
	return err
}

func (m *model) deregister(ctx context.Context, service, id string) error {
	delete(m.services[service], id)
	return m.consul.Deregister(ctx, id)
}

func (m *model) remove(ctx context.Context, service string) error {
	for id := range m.services[service] {
		if err := m.consul.Deregister(ctx, id); err != nil {
			return err
		}
	}
	delete(m.services, service)
	m.gone[service] = true
	return nil
}

func (m *model) setHealth(ctx context.Context, members map[string]*member, id string) error {
	if members[id].health == maintenance {
		return nil
	}
	members[id].health = []string{api.HealthPassing, api.HealthCritical}[rand.IntN(2)]
	return m.consul.SetHealth(ctx, id, members[id].health)
}

func (m *model) setMaintenance(ctx context.Context, members map[string]*member, id string) error {
	on := members[id].health != maintenance
	members[id].health = api.HealthPassing
	if on {
		members[id].health = maintenance
	}
	if err := m.consul.SetMaintenance(ctx, id, on); err != nil || on {
		return err
	}
	return m.consul.SetHealth(ctx, id, api.HealthPassing)
}

// holds returns an error unless Envoy has exactly what the model has.
func (m *model) holds(ctx context.Context, e *envoy) error {
	clusters, err := e.Clusters(ctx)
	if err != nil {
		return err
	}
	for name := range clusters {
		if strings.HasPrefix(name, "random-") && m.services[name] == nil {
			return fmt.Errorf("%s has %s, which is gone", e.name, name)
		}
	}
	inEnvoy := map[string]string{api.HealthPassing: "HEALTHY", api.HealthCritical: "UNHEALTHY", maintenance: "DRAINING"}
	for service, members := range m.services {
		got := map[string]string{}
		for _, p := range clusters[service].Endpoints {
			got[p.Address] = fmt.Sprintf("%s %d", p.Health, p.Weight)
		}
		want := map[string]string{}
		for _, i := range members {
			want[i.address+":80"] = fmt.Sprintf("%s %d", inEnvoy[i.health], i.weight)
		}
		if !maps.Equal(got, want) {
			return fmt.Errorf("%s has %s as %v, want %v", e.name, service, got, want)
		}
	}
	return nil
}
