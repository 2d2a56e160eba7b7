package discovery

import (
	"testing"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// What Consul keeps of weights, by both ways in. Of what comes through its catalog API it keeps
// those that DNS could carry, a warning weight of 0 included, and makes 1 and 1 of all others. An
// agent refuses the others.
func TestWeightsAreThoseThatConsulKeeps(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	weights := func(passing, warning int) api.AgentWeights {
		return api.AgentWeights{Passing: passing, Warning: warning}
	}
	cases := map[string]struct {
		given   api.AgentWeights
		kept    Weights
		refused bool // by an agent
	}{
		"no-warning":       {weights(5, 0), Weights{5, 0}, false},
		"none":             {weights(0, 0), Weights{1, 1}, true},
		"no-passing":       {weights(0, 3), Weights{1, 1}, true},
		"negative-passing": {weights(-5, 3), Weights{1, 1}, true},
		"negative-warning": {weights(5, -3), Weights{1, 1}, true},
		"most":             {weights(65535, 65535), Weights{65535, 65535}, false},
		"above":            {weights(65536, 1), Weights{1, 1}, true},
		"warning-above":    {weights(1, 65536), Weights{1, 1}, true},
	}
	for name, c := range cases {
		register(t, consul, "elsewhere", "10.0.0.1", &api.AgentService{ID: "catalog-" + name, Service: "catalog-" + name, Port: 80, Weights: c.given})
		err := consul.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{Name: "agent-" + name, Port: 80, Weights: &c.given})
		if (err != nil) != c.refused {
			t.Errorf("an agent that is given %s: %v", name, err)
		}
	}
	r := start(t, configFor(consul))
	r.await("all are read", func(c Catalog) bool { return len(c) == len(cases)+2 })
	got, _ := r.now()
	for name, c := range cases {
		for _, way := range []string{"catalog-", "agent-"} {
			s, there := r.service(got, way+name)
			if way == "agent-" && c.refused {
				continue
			}
			if !there || len(s.Instances) != 1 || s.Instances[0].Weights != c.kept {
				t.Errorf("%s%s is %+v, want weights %v", way, name, s.Instances, c.kept)
			}
		}
	}
}
