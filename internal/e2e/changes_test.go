package e2e_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
)

// One Consul, one Legate, and an Envoy for each protocol: every Envoy follows whatever happens in
// Consul, and a service to which nothing happens never loses a request.
func TestEveryEnvoyFollowsConsul(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "steady", "steady-1", 1)
	s.serve(t, allWays(), "steady", "shop", "billing", "search", "mail", "six", "pipe", "named", "mixed", "multi", "multi.admin.port")
	var flows []*flow
	s.everywhere(t, func(e *envoy) error { return e.answers("steady", "steady-1") })
	for _, e := range s.envoys {
		flows = append(flows, visit(t, e, "steady"))
	}

	t.Run("an instance that is registered takes traffic, one that is deregistered loses it", s.registration)
	t.Run("critical loses traffic, even if all are critical; warning keeps it", s.health)
	t.Run("traffic is spread by weight", s.weight)
	t.Run("maintenance takes new requests away and lets running ones end", s.maintenance)
	t.Run("IPv6", s.ipv6)
	t.Run("a unix socket", s.unixSocket)
	t.Run("a host name", s.hostName)
	t.Run("several ports", s.ports)

	for i, e := range s.envoys {
		flows[i].goesOn(t)
		for _, rejected := range []string{"cluster_manager.cds.update_rejected", "cluster.steady.update_rejected", "cluster.shop.update_rejected"} {
			if n := e.stat(t, rejected); n != 0 {
				t.Errorf("%s: %s is %d", e.way.name, rejected, n)
			}
		}
	}
	for _, stream := range s.legate.status(t).Streams {
		for _, kind := range stream.Types {
			if kind.Nacks > 0 {
				t.Errorf("%s rejected %d responses of %s", stream.Node, kind.Nacks, kind.Type)
			}
		}
	}
	s.checkMetrics(t)
}

func (s *stage) registration(t *testing.T) {
	s.everywhere(t, func(e *envoy) error { return e.refuses("shop") })
	s.register(t, "shop", "shop-1", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
	s.register(t, "shop", "shop-2", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2") })
	s.deregister(t, "shop-1")
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-2") })

	s.deregister(t, "shop-2")
	s.everywhere(t, func(e *envoy) error { return e.refuses("shop") })
	s.amongDynamic(t, func(e *envoy) error {
		if found, err := e.endpoints("shop"); err == nil {
			return fmt.Errorf("there is still a cluster of a service that is gone, with %v", found)
		}
		return nil
	})
	s.register(t, "shop", "shop-1", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
}

func (s *stage) health(t *testing.T) {
	one := s.register(t, "billing", "billing-1", 1)
	s.register(t, "billing", "billing-2", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("billing", "billing-1", "billing-2") })

	s.setHealth(t, "billing-1", api.HealthCritical)
	s.everywhere(t, func(e *envoy) error { return e.answers("billing", "billing-2") })
	s.everywhere(t, func(e *envoy) error { return e.hasEndpoint("billing", one, "UNHEALTHY", 1) })

	s.setHealth(t, "billing-2", api.HealthCritical)
	s.everywhere(t, func(e *envoy) error { return e.refuses("billing") })

	s.setHealth(t, "billing-1", api.HealthWarning)
	s.everywhere(t, func(e *envoy) error { return e.answers("billing", "billing-1") })
	s.setHealth(t, "billing-1", api.HealthPassing)
	s.setHealth(t, "billing-2", api.HealthPassing)
	s.everywhere(t, func(e *envoy) error { return e.answers("billing", "billing-1", "billing-2") })
}

func (s *stage) weight(t *testing.T) {
	s.register(t, "search", "search-1", 1)
	s.register(t, "search", "search-2", 2)
	s.register(t, "search", "search-3", 7)
	s.everywhere(t, func(e *envoy) error {
		return e.spreads("search", map[string]int{"search-1": 20, "search-2": 40, "search-3": 140})
	})
	s.register(t, "search", "search-3", 1)
	s.everywhere(t, func(e *envoy) error {
		return e.spreads("search", map[string]int{"search-1": 50, "search-2": 100, "search-3": 50})
	})
	// Consul has a separate weight for an instance in the state warning.
	b := s.backends["search-2"]
	s.registerAs(t, parts.Instance{ID: "search-2", Service: "search", Address: "127.0.0.1", Port: b.Port, Weight: 8, Warning: 2})
	s.setHealth(t, "search-2", api.HealthWarning)
	s.everywhere(t, func(e *envoy) error {
		return e.spreads("search", map[string]int{"search-1": 50, "search-2": 100, "search-3": 50})
	})
	s.setHealth(t, "search-2", api.HealthPassing)
	s.everywhere(t, func(e *envoy) error {
		return e.spreads("search", map[string]int{"search-1": 20, "search-2": 160, "search-3": 20})
	})
	// A warning weight of 0 means no traffic while warning, even if few others are left.
	for _, name := range []string{"search-2", "search-3"} {
		s.registerAs(t, parts.Instance{ID: name, Service: "search", Address: "127.0.0.1", Port: s.backends[name].Port, Weight: 8, Warning: -1})
		s.setHealth(t, name, api.HealthWarning)
	}
	s.everywhere(t, func(e *envoy) error {
		if err := e.hasEndpoint("search", b.Addr, "DEGRADED", 8); err != nil {
			return err
		}
		return e.spreads("search", map[string]int{"search-1": 200, "search-2": 0, "search-3": 0})
	})
	s.setHealth(t, "search-1", api.HealthCritical) // a warning instance is better than none
	s.everywhere(t, func(e *envoy) error { return e.answers("search", "search-2", "search-3") })
}

// spreads returns an error unless 200 requests are distributed over the instances like this. Envoy's
// weighted round robin is exact, but does not start anew for this test: hence a tolerance of 10, one
// round of these tests' weights.
func (e *envoy) spreads(service string, want map[string]int) error {
	got, err := e.count(service, 200)
	if err != nil {
		return err
	}
	for instance, n := range want {
		if off := got[instance] - n; off < -10 || off > 10 {
			return fmt.Errorf("200 requests to %s are spread %v, want %v", service, got, want)
		}
	}
	return nil
}

func (s *stage) maintenance(t *testing.T) {
	one := s.register(t, "mail", "mail-1", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("mail", "mail-1") })

	// A request is in flight through every Envoy when the maintenance begins.
	type answer struct {
		e        *envoy
		instance string
		err      error
	}
	before, answers := s.backends["mail-1"].Requests(), make(chan answer)
	for _, e := range s.envoys {
		go func() {
			instance, err := e.ask("mail", "/?wait=3s")
			answers <- answer{e, instance, err}
		}()
	}
	eventually(t, func() error {
		if n := s.backends["mail-1"].Requests() - before; n < int64(len(s.envoys)) {
			return fmt.Errorf("%d requests are under way", n)
		}
		return nil
	})
	s.register(t, "mail", "mail-2", 1)
	s.setMaintenance(t, "mail-1", true)
	s.everywhere(t, func(e *envoy) error { return e.answers("mail", "mail-2") })
	s.everywhere(t, func(e *envoy) error { return e.hasEndpoint("mail", one, "DRAINING", 1) })
	for range s.envoys {
		if a := <-answers; a.err != nil || a.instance != "mail-1" {
			t.Errorf("%s: the request that was under way: %q, %v", a.e.way.name, a.instance, a.err)
		}
	}
	s.setMaintenance(t, "mail-1", false)
	s.everywhere(t, func(e *envoy) error { return e.answers("mail", "mail-1", "mail-2") })
}

// hasEndpoint returns an error unless Envoy has the endpoint with this EDS health and weight.
func (e *envoy) hasEndpoint(service, addr, health string, weight int) error {
	all, err := e.endpoints(service)
	if err != nil {
		return err
	}
	if p := all[addr]; p.Health != health || p.Weight != weight {
		return fmt.Errorf("endpoint %s of %s: %+v, want it %s with weight %d", addr, service, all, health, weight)
	}
	return nil
}
