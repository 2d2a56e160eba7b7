package discovery

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hashicorp/consul/api"
	"github.com/miekg/dns"

	"legate/discovery/catalog"
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
		kept    catalog.Weights
		refused bool // by an agent
	}{
		"no-warning":       {weights(5, 0), catalog.Weights{Passing: 5, Warning: 0}, false},
		"none":             {weights(0, 0), catalog.Weights{Passing: 1, Warning: 1}, true},
		"no-passing":       {weights(0, 3), catalog.Weights{Passing: 1, Warning: 1}, true},
		"negative-passing": {weights(-5, 3), catalog.Weights{Passing: 1, Warning: 1}, true},
		"negative-warning": {weights(5, -3), catalog.Weights{Passing: 1, Warning: 1}, true},
		"most":             {weights(65535, 65535), catalog.Weights{Passing: 65535, Warning: 65535}, false},
		"above":            {weights(65536, 1), catalog.Weights{Passing: 1, Warning: 1}, true},
		"warning-above":    {weights(1, 65536), catalog.Weights{Passing: 1, Warning: 1}, true},
	}
	for name, c := range cases {
		register(t, consul, "elsewhere", "10.0.0.1", &api.AgentService{ID: "catalog-" + name, Service: "catalog-" + name, Port: 80, Weights: c.given})
		err := consul.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{Name: "agent-" + name, Port: 80, Weights: &c.given})
		if (err != nil) != c.refused {
			t.Errorf("an agent that is given %s: %v", name, err)
		}
	}
	r := start(t, configFor(consul))
	r.await("all are read", func(c catalog.Catalog) bool { return len(c.Services) == len(cases)+2 })
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

// A node's tagged addresses count where its address does: Consul tags those of an agent itself.
func TestTaggedAddressesAsTheRealConsulHasThem(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{HCL: `advertise_addr_wan = "203.0.113.1"`})
	for _, s := range []*api.AgentServiceRegistration{
		{Name: "of-the-node", Port: 80},
		{Name: "own", Address: "10.0.0.1", Port: 80},
		{Name: "tagged", Address: "10.0.0.1", Port: 80, TaggedAddresses: map[string]api.ServiceAddress{"wan": {Address: "203.0.113.9", Port: 8080}, "edge": {Address: "edge.example"}}},
	} {
		must(t, consul.Client().Agent().ServiceRegister(s))
	}
	r := start(t, configFor(consul))
	r.await("all are read", func(c catalog.Catalog) bool { return len(c.Services) == 3 })
	c, _ := r.now()
	for _, want := range []struct {
		service, address string
		at               catalog.TaggedAddress
	}{
		{"of-the-node", "wan", catalog.TaggedAddress{Address: "203.0.113.1", Port: 80}},
		{"of-the-node", "lan", catalog.TaggedAddress{Address: "127.0.0.1", Port: 80}},
		{"own", "wan", catalog.TaggedAddress{Address: "10.0.0.1", Port: 80}}, // the agent tags an IP so by itself
		{"own", "lan", catalog.TaggedAddress{Address: "10.0.0.1", Port: 80}},
		{"tagged", "wan", catalog.TaggedAddress{Address: "203.0.113.9", Port: 8080}},
		{"tagged", "edge", catalog.TaggedAddress{Address: "edge.example", Port: 80}},
		{"tagged", "lan", catalog.TaggedAddress{Address: "10.0.0.1", Port: 80}},
	} {
		s, _ := r.service(c, want.service)
		if at, ok := s.Instances[0].Reach([]string{want.address}); !ok || at != want.at {
			t.Errorf("%s by %s: %v %v, want %v; of %v", want.service, want.address, at, ok, want.at, s.Instances[0].Tagged)
		}
	}
}

// Consul's community edition takes services with several ports from agents, and its DNS names the
// ports as the clusters are named after: <service>.service.<port>.port.<domain>.
func TestPortsAsTheRealConsulHasThem(t *testing.T) {
	free, err := parts.FreePorts(1)
	must(t, err)
	consul := partstest.Consul(t, parts.ConsulOptions{HCL: fmt.Sprintf("ports { dns = %d }", free[0])})
	must(t, consul.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{Name: "web", Address: "10.0.0.1",
		Ports: api.ServicePorts{{Name: "http", Port: 80, Default: true}, {Name: "grpc", Port: 81}}}))
	for name, wrong := range map[string]*api.AgentServiceRegistration{
		"a port beside ports":     {Name: "odd", Port: 80, Ports: api.ServicePorts{{Name: "http", Port: 80, Default: true}}},
		"ports without a default": {Name: "odd", Ports: api.ServicePorts{{Name: "http", Port: 80}}},
	} {
		if err := consul.Client().Agent().ServiceRegister(wrong); err == nil {
			t.Errorf("an agent takes %s", name)
		}
	}
	r := start(t, configFor(consul))
	r.await("it is read", r.has("web", catalog.Passing))
	c, _ := r.now()
	s, _ := r.service(c, "web")
	if got := s.Instances[0]; got.Port != 80 || !slices.Equal(got.Ports, []catalog.Port{{Name: "grpc", Port: 81}, {Name: "http", Port: 80, Default: true}}) {
		t.Errorf("port %d of %v", got.Port, got.Ports)
	}
	for name, want := range map[string]uint16{
		"web.service.consul.": 80, "web.service.grpc.port.consul.": 81, "web.service.http.port.consul.": 80, "web.service.none.port.consul.": 0,
	} {
		var got uint16
		answer, err := dns.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeSRV), parts.Loopback(free[0]))
		must(t, err)
		for _, rr := range answer.Answer {
			if srv, ok := rr.(*dns.SRV); ok {
				got = srv.Port
			}
		}
		if got != want {
			t.Errorf("%s has port %d, want %d: %v", name, got, want, answer)
		}
	}
}
