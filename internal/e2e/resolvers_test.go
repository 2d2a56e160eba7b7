package e2e_test

import (
	"testing"

	"github.com/hashicorp/consul/api"
)

// resolver is a service-resolver of Consul's, without the name of its service.
type resolver = api.ServiceResolverConfigEntry

// resolve writes a service-resolver, to the primary datacenter if there are several. It is deleted when the story ends.
func (s *stage) resolve(t *testing.T, service string, r resolver) {
	t.Helper()
	r.Kind, r.Name = api.ServiceResolver, service
	entries := s.consul.Client().ConfigEntries()
	if _, _, err := entries.Set(&r, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := entries.Delete(api.ServiceResolver, service, nil); err != nil {
			t.Error(err)
		}
	})
}

// includes waits until Envoy has an instance of a datacenter or peer among the cluster's endpoints, whether traffic goes there or not.
func (d *datacenters) includes(t *testing.T, cluster string, at *stage, instance string) {
	t.Helper()
	eventually(t, func() error { return d.envoys[0].knows(cluster, at.running(instance).Addr) })
}

// A person tells versions apart by a service-resolver: each gets a cluster. Then one of them becomes the default, and the other
// one fails over to those of its version elsewhere.
func subsetsResolved() farStory {
	versions := map[string]api.ServiceResolverSubset{
		"v1": {Filter: "Service.Meta.version == v1"},
		"v2": {Filter: "Service.Meta.version == v2", OnlyPassing: true},
	}
	return farStory{
		name: "a service-resolver has subsets", routes: []string{"shelf", "v1.shelf", "v2.shelf"},
		register: func(t *testing.T, d *datacenters) {
			d.setVersion(t, "shelf", "shelf-1", "v1")
			d.setVersion(t, "shelf", "shelf-2", "v2")
			d.setVersion(t, "shelf", "shelf-3", "v2")
			d.dc2.setVersion(t, "shelf", "shelf-dc2-1", "v1")
			d.dc2.setVersion(t, "shelf", "shelf-dc2-2", "v2")
		},
		show: func(t *testing.T, d *datacenters) {
			d.answered(t, "shelf", "shelf-1", "shelf-2", "shelf-3")
			must(t, d.envoys[0].refuses("v2.shelf"))
			flows := []*flow{visit(t, d.envoys[0], "shelf")}
			d.resolve(t, "shelf", resolver{Subsets: versions})
			d.answered(t, "v1.shelf", "shelf-1")
			d.answered(t, "v2.shelf", "shelf-2", "shelf-3")
			d.answered(t, "shelf", "shelf-1", "shelf-2", "shelf-3")
			flows = append(flows, visit(t, d.envoys[0], "v1.shelf"), visit(t, d.envoys[0], "v2.shelf"))
			d.setHealth(t, "shelf-3", "warning")
			d.answered(t, "v2.shelf", "shelf-2")
			d.answered(t, "shelf", "shelf-1", "shelf-2", "shelf-3")

			d.resolve(t, "shelf", resolver{
				Subsets: versions, DefaultSubset: "v1",
				Failover: map[string]api.ServiceResolverFailover{"v2": {Datacenters: []string{"dc2"}}},
			})
			d.answered(t, "shelf", "shelf-1")
			d.includes(t, "v2.shelf", d.dc2, "shelf-dc2-2")
			d.setVersion(t, "shelf", "shelf-2", "v1")
			d.answered(t, "v2.shelf", "shelf-dc2-2") // shelf-3 warns
			d.answered(t, "shelf", "shelf-1", "shelf-2")
			d.setHealth(t, "shelf-3", "passing")
			d.answered(t, "v2.shelf", "shelf-3")
			for _, f := range flows {
				f.goesOn(t)
			}
		},
	}
}

// Requests for a name that nobody registers are redirected: to a subset of a service, to all of it, and to another datacenter's.
func redirected() farStory {
	return farStory{
		name: "a service-resolver redirects", routes: []string{"quay", "wharf"},
		register: func(t *testing.T, d *datacenters) {
			d.setVersion(t, "wharf", "wharf-1", "v1")
			d.setVersion(t, "wharf", "wharf-2", "v2")
			d.dc2.setVersion(t, "wharf", "wharf-dc2", "v2")
		},
		show: func(t *testing.T, d *datacenters) {
			must(t, d.envoys[0].refuses("quay"))
			d.resolve(t, "wharf", resolver{Subsets: map[string]api.ServiceResolverSubset{"v2": {Filter: "Service.Meta.version == v2"}}})
			d.resolve(t, "quay", resolver{Redirect: &api.ServiceResolverRedirect{Service: "wharf", ServiceSubset: "v2"}})
			d.answered(t, "quay", "wharf-2")
			d.answered(t, "wharf", "wharf-1", "wharf-2")
			f := visit(t, d.envoys[0], "quay")
			d.resolve(t, "quay", resolver{Redirect: &api.ServiceResolverRedirect{Service: "wharf"}})
			d.answered(t, "quay", "wharf-1", "wharf-2")
			d.resolve(t, "quay", resolver{Redirect: &api.ServiceResolverRedirect{Service: "wharf", Datacenter: "dc2"}})
			d.answered(t, "quay", "wharf-dc2")
			f.goesOn(t)
		},
	}
}

// A service of which the policy file says nothing fails over as a service-resolver says that is written during
// traffic: to a datacenter, and then to a peer as well.
func failsOverAsResolved() farStory {
	return farStory{
		name: "a service-resolver has failover", routes: []string{"barn"}, exports: []string{"barn"},
		register: func(t *testing.T, d *datacenters) {
			d.registerSome(t, "barn", 2)
			d.dc2.register(t, "barn", "barn-dc2", 1)
			d.dc3.register(t, "barn", "barn-dc3", 1)
			d.abroad.register(t, "barn", "barn-peer", 1)
		},
		show: func(t *testing.T, d *datacenters) {
			d.answered(t, "barn", "barn-1", "barn-2")
			f := visit(t, d.envoys[0], "barn")
			d.resolve(t, "barn", resolver{Failover: map[string]api.ServiceResolverFailover{"*": {Datacenters: []string{"dc2"}}}})
			d.includes(t, "barn", d.dc2, "barn-dc2")
			d.dies(t, d.stage, "barn", "barn-1", "barn-2")
			d.dies(t, d.stage, "barn", "barn-2", "barn-dc2")
			d.resolve(t, "barn", resolver{Failover: map[string]api.ServiceResolverFailover{
				"*": {Targets: []api.ServiceResolverFailoverTarget{{Datacenter: "dc2"}, {Peer: peer}}},
			}})
			d.includes(t, "barn", d.abroad, "barn-peer")
			d.dies(t, d.dc2, "barn", "barn-dc2", "barn-peer")
			f.goesOn(t)
			d.revives(t, "barn-1")
			d.answered(t, "barn", "barn-1")
			f.goesOn(t)
		},
	}
}
