package chain

import (
	"testing"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// TestRealNamesOfServicesAreFoundInAnyCase: a chain may name a service in another case than the one in which it is
// registered. Consul's answer has its instances all the same, and those of all that are called so.
func TestRealNamesOfServicesAreFoundInAnyCase(t *testing.T) {
	t.Parallel()
	c := partstest.Consul(t, parts.ConsulOptions{}).Client()
	for id, name := range map[string]string{"web": "web", "api": "Api", "redis-1": "redis", "redis-2": "Redis"} { // ids have no case either
		if _, err := c.Catalog().Register(&api.CatalogRegistration{Node: "n", Address: "10.0.0.1", Service: &api.AgentService{Service: name, ID: id, Port: 80}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]int{"web": 1, "Web": 1, "WEB": 1, "api": 1, "Api": 1, "API": 1, "redis": 2, "Redis": 2, "REDIS": 2} {
		all, _, err := c.Health().Service(name, "", false, nil)
		if err != nil || len(all) != want {
			t.Errorf("%s: %d instances, want %d; %v", name, len(all), want, err)
		}
	}
}
