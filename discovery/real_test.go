package discovery

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

func TestWhatHappensInConsulIsHandedOut(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	ctx := t.Context()
	must(t, consul.Register(ctx, parts.Instance{ID: "web-1", Service: "web", Port: 80}))

	r := start(t, configFor(consul))
	r.await("the first Delta is the whole catalog, without consul itself", func(c catalog.Catalog) bool {
		return slices.Equal(names(c), []string{"web:1"})
	})
	must(t, consul.Register(ctx, parts.Instance{ID: "web-2", Service: "web", Port: 81}))
	r.await("an instance joins", r.has("web", catalog.Passing, catalog.Passing))
	must(t, consul.SetHealth(ctx, "web-1", "critical"))
	r.await("one goes critical and stays", r.has("web", catalog.Passing, catalog.Critical))
	must(t, consul.SetMaintenance(ctx, "web-2", true))
	r.await("one goes into maintenance", r.has("web", catalog.Maintenance, catalog.Critical))
	must(t, consul.Register(ctx, parts.Instance{ID: "api-1", Service: "api", Port: 82}))
	r.await("a service comes", r.has("api", catalog.Passing))
	must(t, consul.Deregister(ctx, "api-1"))
	r.await("a service goes", r.lacks("api"))
	must(t, consul.Register(ctx, parts.Instance{ID: "api-1", Service: "api", Port: 82}))
	r.await("and comes again", r.has("api", catalog.Passing))

	s := r.Status()
	if !s.Connected || !s.Complete || s.Datacenter != "dc1" || s.Services != 2 || s.Direct != 2 || s.Index == 0 || len(s.Problems) > 0 {
		t.Errorf("status: %+v", s)
	}
	if got, want := fmt.Sprint(s.Instances), "map[critical:1 maintenance:1 passing:1 warning:0]"; got != want {
		t.Errorf("status has instances %s, want %s", got, want)
	}
}

func TestAnEmptyCatalogIsHandedOutOnce(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	r := start(t, configFor(consul))
	r.await("one empty Delta", func(c catalog.Catalog) bool { return len(c.Services) == 0 })
	r.stays(300 * time.Millisecond)
	if s := r.Status(); !s.Complete {
		t.Errorf("status: %+v", s)
	}
}

func TestCheckOutputAloneIsNoChange(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "web", Port: 80}, &api.AgentCheck{CheckID: "c", Status: "passing", Output: "one"})
	r := start(t, configFor(consul))
	r.await("web is there", r.has("web", catalog.Passing))
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "web", Port: 80}, &api.AgentCheck{CheckID: "c", Status: "passing", Output: "two"})
	r.stays(500 * time.Millisecond)
}

func TestNamesMayContainAnything(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	odd := []string{"a/b", "a//b", "a?b", "100%", "a b", "a%2Fb", "..", ".", "ü", "a+b", "a#b", "a;b", "a&b=c", "/", " "}
	for i, name := range odd {
		register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: name, ID: name, Port: 1000 + i})
	}
	r := start(t, configFor(consul))
	r.await("all are read, each with its own instance", func(c catalog.Catalog) bool { return len(c.Services) == len(odd) })
	c, _ := r.now()
	for i, name := range odd {
		s, _ := r.service(c, name)
		if len(s.Instances) != 1 || s.Instances[0].Port != 1000+i {
			t.Errorf("service %q: %+v", name, s.Instances)
		}
	}
}

func TestNamesThatDifferInCaseAreServicesOfTheirOwn(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "MixSvc", ID: "a", Port: 1})
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "mixsvc", ID: "b", Port: 2})
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "mixsvc", ID: "c", Port: 3})
	r := start(t, configFor(consul))
	r.await("each has what is spelled so", func(c catalog.Catalog) bool {
		return r.has("MixSvc", catalog.Passing)(c) && r.has("mixsvc", catalog.Passing, catalog.Passing)(c)
	})
}

func TestProxiesAndGatewaysAreNotServices(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "web", ID: "web", Port: 80})
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "web", ID: "proxy-with-its-name", Port: 81, Kind: api.ServiceKindConnectProxy,
		Proxy: &api.AgentServiceConnectProxyConfig{DestinationServiceName: "web"}})
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "web-sidecar-proxy", ID: "p", Port: 82, Kind: api.ServiceKindConnectProxy,
		Proxy: &api.AgentServiceConnectProxyConfig{DestinationServiceName: "web"}})
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "gateway", ID: "g", Port: 83, Kind: api.ServiceKindMeshGateway})
	r := start(t, configFor(consul))
	r.await("only web, with its one instance", func(c catalog.Catalog) bool { return slices.Equal(names(c), []string{"web:1"}) })
	if _, err := consul.Client().Catalog().Deregister(&api.CatalogDeregistration{Node: "n", ServiceID: "web"}, nil); err != nil {
		t.Fatal(err)
	}
	r.await("web goes although its name is still listed", func(c catalog.Catalog) bool { return len(c.Services) == 0 })
}

func TestSelectionByNameAndTag(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	ctx := t.Context()
	for _, i := range []parts.Instance{
		{Service: "web-1", Tags: []string{"edge"}}, {Service: "web-2"}, {Service: "web-canary", Tags: []string{"edge"}}, {Service: "db", Tags: []string{"edge"}},
	} {
		must(t, consul.Register(ctx, i))
	}
	cfg := configFor(consul)
	cfg.Include, cfg.Exclude, cfg.Tags = []string{"web-*"}, []string{"*canary"}, []string{"edge"}
	r := start(t, cfg)
	r.await("only web-1", func(c catalog.Catalog) bool { return slices.Equal(names(c), []string{"web-1:1"}) })
	must(t, consul.Register(ctx, parts.Instance{Service: "web-2", Tags: []string{"edge"}}))
	r.await("web-2 gets the tag", r.has("web-2", catalog.Passing))
	must(t, consul.Register(ctx, parts.Instance{Service: "web-1"}))
	r.await("web-1 loses it", r.lacks("web-1"))
}

func TestConsulRestartsAndNothingIsTakenBack(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{Persistent: true})
	ctx := t.Context()
	fill(t, consul, 20) // into the catalog: an agent that just started may take 15 s to pass it on
	r := start(t, configFor(consul))
	r.await("all are there", func(c catalog.Catalog) bool { return len(c.Services) == 20 })
	_, before := r.now()

	must(t, consul.Stop())
	eventually(t, "it shows in the status", func() bool { return !r.Status().Connected })
	must(t, consul.Start(ctx))
	begin := time.Now()
	eventually(t, "it is over", func() bool { return r.Status().Connected })
	t.Logf("all watches were back %v after Consul", time.Since(begin))
	begin = time.Now()
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "new", Port: 80})
	r.await("changes flow again", r.has("new", catalog.Passing))
	t.Logf("and the first change was seen after %v", time.Since(begin))

	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.deltas[before:] {
		if len(d.Gone) > 0 {
			t.Errorf("taken back: %v", d.Gone)
		}
		for _, s := range d.Set {
			if len(s.Instances) == 0 {
				t.Errorf("emptied: %v", s.Key)
			}
		}
	}
	if n := r.log.Count("kind=unreachable"); n == 0 || n > 2 {
		t.Errorf("%d lines tell that 20 services and the list are unreachable, and that they are again", n)
	}
}

func TestReadOnce(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	fill(t, consul, 40)
	w, err := New(configFor(consul), nil, nil)
	must(t, err)
	c, err := w.Read(t.Context())
	if err != nil || len(c.Services) != 40 {
		t.Errorf("Read: %d services, %v", len(c.Services), err)
	}
	cfg := configFor(consul)
	cfg.Consul.Address = "127.0.0.1:1"
	w, err = New(cfg, nil, nil)
	must(t, err)
	if _, err := w.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "check that Consul runs") {
		t.Errorf("Read from nowhere: %v", err)
	}
	cfg = configFor(consul)
	cfg.Consul.Namespace = "team"
	w, err = New(cfg, nil, nil)
	must(t, err)
	if _, err := w.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "Consul Enterprise") {
		t.Errorf("Read from a namespace of a Consul that has none: %v", err)
	}
}

func TestTheEnvironmentDoesNotSpeakForTheConfig(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	must(t, consul.Register(t.Context(), parts.Instance{Service: "web", Port: 80}))
	for k, v := range map[string]string{
		"CONSUL_HTTP_ADDR": "127.0.0.1:1", "CONSUL_HTTP_TOKEN": "wrong", "CONSUL_HTTP_TOKEN_FILE": "/nowhere", "CONSUL_HTTP_SSL": "true",
		"CONSUL_NAMESPACE": "team", "CONSUL_PARTITION": "part", "CONSUL_CACERT": "/nowhere", "HTTP_PROXY": "http://127.0.0.1:1",
	} {
		t.Setenv(k, v)
	}
	w, err := New(configFor(consul), nil, nil)
	must(t, err)
	if c, err := w.Read(t.Context()); err != nil || len(c.Services) != 1 {
		t.Errorf("Read: %v, %v", names(c), err)
	}
}

func name(n int) string { return fmt.Sprintf("svc-%03d", n) }

// fill registers services with one instance each.
func fill(t *testing.T, consul *parts.Consul, services int) {
	t.Helper()
	for n := range services {
		register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: name(n), ID: name(n), Port: 1})
	}
}

// register writes to the catalog itself, where everything is allowed.
func register(t *testing.T, consul *parts.Consul, node, address string, s *api.AgentService, checks ...*api.AgentCheck) {
	t.Helper()
	r := &api.CatalogRegistration{Node: node, Address: address, Service: s, SkipNodeUpdate: true}
	for _, c := range checks {
		r.Checks = append(r.Checks, &api.HealthCheck{Node: node, CheckID: c.CheckID, Status: c.Status, Output: c.Output, ServiceID: s.ID})
	}
	if _, err := consul.Client().Catalog().Register(r, nil); err != nil {
		t.Fatal(err)
	}
}

func deregister(t *testing.T, consul *parts.Consul, node, id string) {
	t.Helper()
	if _, err := consul.Client().Catalog().Deregister(&api.CatalogDeregistration{Node: node, ServiceID: id}, nil); err != nil {
		t.Fatal(err)
	}
}

func TestQuirksAsTheRealConsulWritesThem(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	for _, s := range []*api.AgentService{
		{ID: "no-address", Port: 80},
		{ID: "v6", Address: "[2001:db8::1]", Port: 80},
		{ID: "name", Address: "db.example.net", Port: 80},
		{ID: "socket", SocketPath: "/run/web.sock"},
		{ID: "no-port"},
		{ID: "big-port", Port: 99999},
		{ID: "ports", Ports: api.ServicePorts{{Name: "a", Port: 1}, {Name: "b", Port: 2, Default: true}}},
		{ID: "no-weight", Port: 80, Weights: api.AgentWeights{Passing: 0, Warning: 0}},
		{ID: "negative", Port: 80, Weights: api.AgentWeights{Passing: -5, Warning: -3}},
		{ID: "weight", Port: 80, Weights: api.AgentWeights{Passing: 5, Warning: 0}},
		{ID: "place", Port: 80, Locality: &api.Locality{Region: "eu", Zone: "eu-1"}},
		{ID: "twin", Address: "10.9.9.9", Port: 80},
		{ID: "twin-2", Address: "10.9.9.9", Port: 80},
	} {
		s.Service = "web"
		register(t, consul, "n1", "10.0.0.1", s)
	}
	register(t, consul, "n2", "10.0.0.2", &api.AgentService{Service: "web", ID: "twin", Port: 80},
		&api.AgentCheck{CheckID: api.NodeMaint, Status: "critical"})
	r := start(t, configFor(consul))
	r.await("web is there", func(c catalog.Catalog) bool {
		s, _ := r.service(c, "web")
		return len(s.Instances) == 14
	})
	c, _ := r.now()
	s, _ := r.service(c, "web")
	got := map[string]string{}
	for _, i := range s.Instances {
		got[i.Node+"/"+i.ID] = fmt.Sprintf("%s:%d%s %v %v %s", i.Address, i.Port, i.SocketPath, i.Weights, i.Locality, i.Health)
	}
	for id, want := range map[string]string{
		"n1/no-address": "10.0.0.1:80 {1 1} { } passing",
		"n1/v6":         "2001:db8::1:80 {1 1} { } passing",
		"n1/name":       "db.example.net:80 {1 1} { } passing",
		"n1/socket":     ":0/run/web.sock {1 1} { } passing",
		"n1/no-port":    "10.0.0.1:0 {1 1} { } passing",
		"n1/big-port":   "10.0.0.1:99999 {1 1} { } passing",
		"n1/ports":      "10.0.0.1:2 {1 1} { } passing",
		"n1/no-weight":  "10.0.0.1:80 {1 1} { } passing",
		"n1/negative":   "10.0.0.1:80 {1 1} { } passing",
		"n1/weight":     "10.0.0.1:80 {5 0} { } passing",
		"n1/place":      "10.0.0.1:80 {1 1} {eu eu-1} passing",
		"n1/twin":       "10.9.9.9:80 {1 1} { } passing",
		"n1/twin-2":     "10.9.9.9:80 {1 1} { } passing",
		"n2/twin":       "10.0.0.2:80 {1 1} { } maintenance",
	} {
		if got[id] != want {
			t.Errorf("%s: got %q, want %q", id, got[id], want)
		}
	}
}
