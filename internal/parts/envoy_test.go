package parts_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// proxyTo returns a bootstrap with one listener in front of one static cluster named web.
func proxyTo(port int, backend *parts.Backend) []byte {
	return fmt.Appendf(nil, `
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: %d}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          route_config: {virtual_hosts: [{name: web, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: web}}]}]}
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: web
    type: STATIC
    load_assignment:
      cluster_name: web
      endpoints: [{lb_endpoints: [{load_balancing_weight: 7, endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}}]}]
`, port, backend.Port)
}

func TestEnvoyProxiesAndTellsWhatItHas(t *testing.T) {
	backend := partstest.Backend(t, "web-1", "127.0.0.1:0")
	ports, err := parts.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	e, ctx := partstest.Envoy(t, parts.EnvoyOptions{Bootstrap: proxyTo(ports[0], backend)}), t.Context()

	ask := func() string {
		resp, err := http.Get("http://" + parts.Loopback(ports[0]))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	if got := ask(); got != "web-1" {
		t.Errorf("through Envoy: %q", got)
	}
	clusters, err := e.Clusters(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("{web false [{%s HEALTHY 7   0}]}", backend.Addr)
	if got := fmt.Sprint(clusters["web"]); got != want {
		t.Errorf("clusters: %s, want %s", got, want)
	}
	stats, err := e.Stats(ctx, "cluster.web.upstream_rq_200")
	if err != nil {
		t.Fatal(err)
	}
	if stats["cluster.web.upstream_rq_200"] != 1 {
		t.Errorf("stats: %v", stats)
	}
	if err := e.Kill(); err != nil {
		t.Fatal(err)
	}
	if e.Ready(ctx) {
		t.Error("it is ready although it was killed")
	}
	if err := e.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got != "web-1" {
		t.Errorf("through the Envoy that was started again: %q", got)
	}
}
