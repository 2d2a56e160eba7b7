package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/translate"
)

// onDemand has no cluster before a request needs it: its route takes the cluster's name from a header, and Envoy asks
// for the cluster by that name.
var onDemand = way{name: "clusters on demand, delta ADS", mode: "delta", edit: clustersOnDemand}

func clustersOnDemand(b object, _ *legate) {
	delete(b["dynamic_resources"].(object), "cds_config")
	for _, l := range b["static_resources"].(object)["listeners"].([]any) {
		chain := l.(object)["filter_chains"].([]any)[0].(object)
		manager := chain["filters"].([]any)[0].(object)["typed_config"].(object)
		route := manager["route_config"].(object)["virtual_hosts"].([]any)[0].(object)["routes"].([]any)[0].(object)
		route["route"] = object{"cluster_header": "x-service"}
		filter := object{"name": "envoy.filters.http.on_demand", "typed_config": object{
			"@type": "type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand",
			"odcds": object{"source": object{"resource_api_version": "V3", "ads": object{}}, "timeout": "5s"},
		}}
		manager["http_filters"] = append([]any{filter}, manager["http_filters"].([]any)...)
	}
}

// askOnDemand sends a request to a service for which the Envoy may have no cluster yet.
func (e *envoy) askOnDemand(t testing.TB, service string) (code int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+parts.Loopback(e.ports["any"]), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("x-service", service)
	resp, err := e.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// followed are the services that Legate reads.
func (l *legate) followed(t testing.TB) (names []string) {
	t.Helper()
	var all struct {
		Services []struct {
			Name string `json:"name"`
		} `json:"services"`
	}
	text, err := l.get("/api/v1/services?limit=1000")
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all.Services {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return names
}

// With --follow wanted Legate reads what its Envoys ask for by name, and their first request is served: static
// clusters in each protocol, and clusters on demand. What nobody asks for is not read. Legate is started again
// without a state, and no request fails.
func TestOnlyWhatEnvoysAskForIsFollowed(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	for _, service := range []string{"shop", "db", "cache", "listed", "cashier"} {
		s.register(t, service, service+"-1", 1)
	}
	for n := range 30 {
		s.registerAs(t, parts.Instance{Service: fmt.Sprintf("other-%d", n), Address: "127.0.0.1", Port: s.backends["shop-1"].Port})
	}
	s.resolve(t, "till", resolver{Redirect: &api.ServiceResolverRedirect{Service: "cashier"}})
	s.legate = startLegate(t, s.consul, "--follow", "wanted", "--follow-services", "list*")
	if got := s.legate.followed(t); !slices.Equal(got, []string{"listed"}) {
		t.Errorf("without clients, legate follows %v", got)
	}
	for _, w := range []way{staticDelta, staticSotW, edsREST} {
		s.envoys = append(s.envoys, startEnvoy(t, s.legate, w, "shop"))
	}
	demanding := startEnvoy(t, s.legate, onDemand, "any")
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
	for _, service := range []string{"db", "shop", "cache", "till"} { // till is what a service-resolver leads to cashier
		if code := demanding.askOnDemand(t, service); code != http.StatusOK {
			t.Errorf("the first request for %s: %d", service, code)
		}
	}
	if code := demanding.askOnDemand(t, "invented"); code != http.StatusServiceUnavailable {
		t.Errorf("a request for a service that there is not: %d", code)
	}
	want := []string{"cache", "cashier", "db", "listed", "shop"}
	if got := s.legate.followed(t); !slices.Equal(got, want) {
		t.Errorf("legate follows %v, want %v", got, want)
	}

	var flows []*flow
	for _, e := range s.envoys {
		flows = append(flows, visit(t, e, "shop"))
	}
	s.legate.stop(t)
	s.legate.launch(t)
	s.legate.awaitReady(t)
	eventually(t, func() error {
		if got := s.legate.followed(t); !slices.Equal(got, want) {
			return fmt.Errorf("legate follows %v, want %v", got, want)
		}
		return nil
	})
	s.register(t, "shop", "shop-2", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2") })
	for _, f := range flows {
		f.goesOn(t)
	}
	if code := demanding.askOnDemand(t, "db"); code != http.StatusOK {
		t.Errorf("a request for db: %d", code)
	}
	for _, e := range append(s.envoys, demanding) {
		if n := e.stat(t, "cluster."+translate.OwnCluster+".upstream_cx_connect_timeout"); n > 0 {
			t.Errorf("%s: %d connections to legate failed", e.way.name, n)
		}
	}
}
