package discovery

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
	"legate/discovery/guard"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// The guard as users have it, on a real Consul: what people do is believed in time.
func TestRealRemovalsAreBelievedInTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	consul := partstest.Consul(t, parts.ConsulOptions{})
	for n := range 5 {
		register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: name(n), ID: name(n), Port: 1})
	}
	for n := range 50 {
		register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: "big", ID: fmt.Sprint("big-", n), Port: 100 + n})
	}
	cfg := configFor(consul)
	cfg.Guard, cfg.Watch.Canary = guard.DefaultConfig(), DefaultConfig().Watch.Canary
	r := start(t, cfg)
	sizeIs := func(service string, n int) func(catalog.Catalog) bool {
		return func(c catalog.Catalog) bool {
			s, _ := r.service(c, service)
			return len(s.Instances) == n
		}
	}
	r.await("all are there", sizeIs("big", 50))

	began := time.Now()
	deregister(t, consul, "n", "big-49")
	r.await("one of many goes at once", sizeIs("big", 49))
	if took := time.Since(began); took > time.Second {
		t.Errorf("one of many went after %v", took)
	}
	began = time.Now()
	for n := range 44 {
		deregister(t, consul, "n", fmt.Sprint("big-", n))
	}
	deregister(t, consul, "n", "svc-000")
	r.await("50 become 5", sizeIs("big", 5))
	took := time.Since(began)
	t.Logf("50 became 5 after %v", took)
	if took < cfg.Guard.Confirm {
		t.Errorf("50 became 5 after %v, without a second look", took)
	}
	r.await("a service goes with its last instance", r.lacks("svc-000"))
	took = time.Since(began)
	t.Logf("a service went after %v", took)
	if took < cfg.Guard.Confirm || took > cfg.Guard.Confirm+5*time.Second {
		t.Errorf("a deregistered service went after %v, want little more than %v", took, cfg.Guard.Confirm)
	}
}

// What was critical anyway is taken away from a real Consul, most of what there is: at once.
func TestRealReapingOfWhatWasCriticalIsBelievedAtOnce(t *testing.T) {
	consul := partstest.Consul(t, parts.ConsulOptions{})
	for n := range 4 {
		for i, status := range []string{"passing", "critical", "critical"} {
			id := fmt.Sprint(name(n), "-", i)
			register(t, consul, "n", "10.0.0.1", &api.AgentService{Service: name(n), ID: id, Port: 100 + i},
				&api.AgentCheck{CheckID: id, ServiceID: id, Status: status})
		}
	}
	cfg := configFor(consul)
	cfg.Guard, cfg.Watch.Canary = guard.DefaultConfig(), DefaultConfig().Watch.Canary
	r := start(t, cfg)
	all := func(want int) func(catalog.Catalog) bool {
		return func(c catalog.Catalog) bool {
			n := 0
			for _, s := range c.Services {
				n += len(s.Instances)
			}
			return n == want
		}
	}
	r.await("all are there", all(12))
	began := time.Now()
	for n := range 4 {
		deregister(t, consul, "n", fmt.Sprint(name(n), "-1"))
		deregister(t, consul, "n", fmt.Sprint(name(n), "-2"))
	}
	r.await("what took traffic is left", all(4))
	if took := time.Since(began); took > cfg.Guard.Confirm || r.log.Count("a loss is held") > 0 {
		t.Errorf("8 of 12 that were critical went after %v, with %d holds", took, r.log.Count("a loss is held"))
	}
}
