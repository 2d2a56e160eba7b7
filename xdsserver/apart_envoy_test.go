package xdsserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
	"legate/translate"
)

// apartEnvoy gets its clusters on a stream of their own, and their endpoints over ADS.
func apartEnvoy(t *testing.T, s *stage, apiType string) *parts.Envoy {
	host, port, _ := strings.Cut(s.address, ":")
	return partstest.Envoy(t, parts.EnvoyOptions{Bootstrap: fmt.Appendf(nil, `
node: {id: apart, cluster: edge}
dynamic_resources:
  ads_config: &source
    api_type: %s
    transport_api_version: V3
    grpc_services: [{envoy_grpc: {cluster_name: control}}]
  cds_config: {resource_api_version: V3, api_config_source: *source}
static_resources:
  clusters:
  - name: control
    type: STATIC
    connect_timeout: 5s
    load_assignment: {cluster_name: control, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}]}]}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
`, apiType, host, port)})
}

// TestARealEnvoyWithClustersOnAStreamOfTheirOwnTakesAChangedOneAtOnce: here it is certain that the assignment came before
// the cluster, since nothing of it changes any more. Envoy would wait for it for 15 s.
func TestARealEnvoyWithClustersOnAStreamOfTheirOwnTakesAChangedOneAtOnce(t *testing.T) {
	for _, apiType := range []string{"GRPC", "DELTA_GRPC"} {
		t.Run(apiType, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			batch := fleet(t, "web", "db").Diff(translate.Resources{})
			s.Publish(own, batch)
			e := apartEnvoy(t, s, apiType)
			has(t, e, "web", "db")
			at := slices.IndexFunc(batch.Set, func(r translate.Resource) bool { return r.Name == translate.Name{Type: cds, Name: "web"} })
			for seconds := int64(31); seconds < 36; seconds++ {
				s.set(withTimeout(t, batch.Set[at], seconds))
				want := fmt.Sprintf(`"connect_timeout": "%ds"`, seconds)
				soon(t, "the cluster is used as it is now", func() bool {
					text, err := e.Get(t.Context(), "/config_dump?resource=dynamic_active_clusters&name_regex=^web$")
					return err == nil && strings.Contains(string(text), want)
				})
			}
			stats, err := e.Stats(t.Context(), "init_fetch_timeout$")
			if err != nil || len(stats) == 0 {
				t.Fatal(stats, err)
			}
			for name, n := range stats {
				if n > 0 {
					t.Errorf("%s is %d", name, n)
				}
			}
		})
	}
}

// withTimeout is a cluster with another connect timeout.
func withTimeout(t *testing.T, r translate.Resource, seconds int64) translate.Resource {
	t.Helper()
	m := &clusterv3.Cluster{}
	if err := proto.Unmarshal(r.Value, m); err != nil {
		t.Fatal(err)
	}
	m.ConnectTimeout = durationpb.New(time.Duration(seconds) * time.Second)
	value, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	r.Value, r.Version = value, fmt.Sprint(seconds)
	return r
}
