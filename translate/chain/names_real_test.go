package chain

import (
	"testing"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// TestRealNamesOfServicesAreFoundInAnyCase: a chain may name a service in another case than the one in which it is
// registered. Consul's answer has its instances all the same.
func TestRealNamesOfServicesAreFoundInAnyCase(t *testing.T) {
	t.Parallel()
	c := partstest.Consul(t, parts.ConsulOptions{}).Client()
	if err := c.Agent().ServiceRegister(&api.AgentServiceRegistration{Name: "web", Port: 80}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"web", "Web", "WEB"} {
		all, _, err := c.Health().Service(name, "", false, nil)
		if err != nil || len(all) != 1 || all[0].Service.Service != "web" {
			t.Errorf("%s: %d instances, %v", name, len(all), err)
		}
	}
}
