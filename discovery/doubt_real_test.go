package discovery

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
	"legate/discovery/guard"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// Consul leaves the index of a service where it is that loses an instance to another name.
func TestRealInstancesThatAreRegisteredUnderAnotherNameLeaveTheOldOne(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	for n := range 5 {
		register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: name(n), ID: name(n), Port: 1})
	}
	for _, id := range []string{"x", "y", "z"} {
		register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "web", ID: id, Port: 80})
	}
	cfg := configFor(consul)
	cfg.Guard, cfg.Watch.Canary = guard.DefaultConfig(), DefaultConfig().Watch.Canary
	cfg.Guard.Confirm = 3 * time.Second
	r := start(t, cfg)
	r.await("web is there", r.has("web", catalog.Passing, catalog.Passing, catalog.Passing))

	began := time.Now()
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "api", ID: "x", Port: 80})
	r.await("api has it", r.has("api", catalog.Passing))
	eventually(t, "the loss is held, in the service's name", func() bool {
		h, p := r.Holds(), r.Status().Problems
		return len(h) == 1 && h[0].Service == "web" && h[0].Why == string(guard.Doubted) && h[0].Kept == 1 &&
			len(p) == 1 && strings.Contains(p[0].Detail, "web")
	})
	r.await("web has it no more", r.has("web", catalog.Passing, catalog.Passing))
	if took := time.Since(began); took < cfg.Guard.Confirm {
		t.Errorf("that was believed after %v, on one answer", took)
	} else {
		t.Logf("it took %v", took)
	}
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "api", ID: "y", Port: 80})
	eventually(t, "the next one is held", func() bool { return len(r.Holds()) == 1 })
	if n := r.Release(t.Context(), "web"); n != 1 {
		t.Errorf("released %d", n)
	}
	r.await("released, it is gone at once", r.has("web", catalog.Passing))
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "web", ID: "new", Port: 81})
	r.await("web goes on", r.has("web", catalog.Passing, catalog.Passing))
	if p := r.Status().Problems; len(p) > 0 {
		t.Errorf("problems: %+v", p)
	}
}

func TestRealNamesThatAreSpelledAnewReplaceTheOldOnes(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "db", ID: "db", Port: 1})
	for _, id := range []string{"a", "b"} {
		register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "Web", ID: id, Port: 80})
	}
	cfg := configFor(consul)
	cfg.Guard, cfg.Watch.Canary = guard.DefaultConfig(), DefaultConfig().Watch.Canary
	cfg.Guard.Confirm = 2 * time.Second
	r := start(t, cfg)
	r.await("Web is there", r.has("Web", catalog.Passing, catalog.Passing))
	for _, id := range []string{"a", "b"} {
		register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "web", ID: id, Port: 80})
	}
	spelled := func(c catalog.Catalog) bool { return slices.Equal(names(c), []string{"db:1", "web:2"}) }
	r.await("only web is there", spelled)
	r.await("and a replica that starts now has the same", start(t, cfg).replicaOf(t, spelled))
}

// replicaOf is a condition on two catalogs.
func (r *reader) replicaOf(t *testing.T, is func(catalog.Catalog) bool) func(catalog.Catalog) bool {
	t.Helper()
	return func(c catalog.Catalog) bool {
		own, n := r.now()
		return n > 0 && is(own) && own.Equal(c)
	}
}

func TestRealPartsOfACatalogMayBeEmpty(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{ACL: true})
	must(t, consul.Register(t.Context(), parts.Instance{Service: "web", Port: 80}))
	register(t, consul, "n2", "10.0.0.2", &api.AgentService{Service: "db", ID: "db", Port: 5432})
	cfg := configFor(consul)
	cfg.Guard, cfg.Watch.Canary = guard.DefaultConfig(), DefaultConfig().Watch.Canary
	cfg.Guard.Confirm, cfg.Guard.Empty = time.Second, 3*time.Second
	cfg.Consul.Token, cfg.Consul.Datacenter = tokenFor(t, consul, `service "db" { policy = "read" } node "n2" { policy = "read" }`), "dc1"
	cfg.Watch.FilteredExpected = true
	r := start(t, cfg)
	r.await("only db is seen", func(c catalog.Catalog) bool { return slices.Equal(names(c), []string{"db:1"}) })
	deregister(t, consul, "n2", "db")
	eventually(t, "its loss is held", func() bool { return len(r.Holds()) == 1 })
	r.await("and then believed", func(c catalog.Catalog) bool { return len(c.Services) == 0 })

	again := start(t, cfg)
	again.await("one that starts now is ready with nothing", func(c catalog.Catalog) bool { return len(c.Services) == 0 && again.Status().Complete })
	for _, p := range slices.Concat(r.Status().Problems, again.Status().Problems) {
		if p.Kind != "hidden" {
			t.Errorf("problem: %+v", p)
		}
	}
	w, err := New(cfg, nil, nil)
	must(t, err)
	if c, err := w.Read(t.Context()); err != nil || len(c.Services) > 0 {
		t.Errorf("Read: %v, %v", names(c), err)
	}
	register(t, consul, "n2", "10.0.0.2", &api.AgentService{Service: "db", ID: "db", Port: 5432})
	r.await("db comes back", r.has("db", catalog.Passing))
	again.await("there, too", again.has("db", catalog.Passing))
}
