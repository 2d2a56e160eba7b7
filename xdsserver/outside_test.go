package xdsserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	clusterservicev3 "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"legate/discovery/catalog"
	"legate/internal/parts"
	"legate/internal/parts/partstest"
	"legate/internal/xdstest"
	"legate/translate"
)

// fleet is real services, as translation has them.
func fleet(t testing.TB, names ...string) translate.Resources {
	t.Helper()
	config := translate.DefaultConfig()
	config.Datacenter = own.Datacenter
	var d catalog.Delta
	for i, name := range slices.Sorted(slices.Values(names)) {
		d.Set = append(d.Set, catalog.Service{Key: catalog.ServiceKey{Datacenter: own.Datacenter, Name: name}, Instances: []catalog.Instance{
			{ID: "1", Node: "n", Address: "127.0.0.1", Port: 9000 + i, Weights: catalog.Weights{Passing: 1, Warning: 1}}}})
	}
	r, problems := translate.New(config).Apply(d)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return r
}

// outside is an Envoy that asks for clusters on a stream of its own and has no aggregated one.
func outside(t *testing.T, s *stage, apiType, metadata string) *parts.Envoy {
	host, port, _ := strings.Cut(s.address, ":")
	return partstest.Envoy(t, parts.EnvoyOptions{Early: true, Bootstrap: fmt.Appendf(nil, `
node: {id: outside, cluster: edge, metadata: {%s}}
dynamic_resources:
  cds_config:
    resource_api_version: V3
    api_config_source:
      api_type: %s
      transport_api_version: V3
      grpc_services: [{envoy_grpc: {cluster_name: control}}]
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
`, metadata, apiType, host, port)})
}

// has waits until an Envoy has just these clusters, each with an endpoint.
func has(t *testing.T, e *parts.Envoy, names ...string) {
	t.Helper()
	var got map[string]parts.EnvoyCluster
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		got, err = e.Clusters(t.Context())
		ready := err == nil && len(got) == len(names)+1
		for _, name := range names {
			ready = ready && len(got[name].Endpoints) == 1
		}
		if ready {
			return
		}
	}
	t.Fatalf("has %v, %v; want %v", got, err, names)
}

func TestARealEnvoyOutsideOfADSFollowsTheClusterThatItsMetadataNames(t *testing.T) {
	for _, apiType := range []string{"GRPC", "DELTA_GRPC"} {
		t.Run(apiType, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			first := fleet(t, "web", "db")
			s.Publish(own, first.Diff(translate.Resources{}))
			e := outside(t, s, apiType, sourceKey+": control")
			has(t, e, "web", "db")
			second := fleet(t, "web", "shop", "pay")
			s.Publish(own, second.Diff(first))
			has(t, e, "web", "shop", "pay")
			if err := e.AwaitReady(t.Context()); err != nil {
				t.Error(err)
			}
			for _, st := range s.Streams() {
				for _, of := range st.Types {
					if of.Nacks > 0 {
						t.Errorf("%s: %+v", st.ID, of)
					}
				}
			}
		})
	}
}

func TestARealEnvoyThatFollowsNothingStaysVisibleWithARemedy(t *testing.T) {
	for _, c := range []struct{ apiType, metadata, remedy string }{
		{"GRPC", "", useADS},
		{"DELTA_GRPC", "", useADS},
		{"GRPC", sourceKey + ": unheard-of", nameCluster}, // incremental, Envoy takes it and says nothing
	} {
		t.Run(c.apiType+" "+c.metadata, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			first := fleet(t, "web", "db", "shop")
			s.Publish(own, first.Diff(translate.Resources{}))
			outside(t, s, c.apiType, c.metadata)
			for round := 1; round <= 4; round++ { // whatever it says when it is sent more
				got := s.typeStatus(cds, Nacked)
				for end := time.Now().Add(10 * time.Second); (got.Responses < round || got.Responses != got.Acks+got.Nacks) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
					got = s.typeStatus(cds, Nacked)
				}
				if got.Remedy != c.remedy || got.Responses < round {
					t.Errorf("%+v", got)
				}
				next := fleet(t, "web", "db", "shop", fmt.Sprint("new-", round))
				s.Publish(own, next.Diff(first))
				first = next
			}
			if got := s.Views()[0].Quarantined; len(got) > 0 {
				t.Errorf("kept back from others, too: %+v", got)
			}
		})
	}
}

func TestWhoFollowsNothingSpeaksForNobodyElse(t *testing.T) {
	for _, p := range []xdstest.Protocol{xdstest.SotW, xdstest.Delta} {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.set(cluster("old", 1))
			odd := []*xdstest.Client{outsider(t, s, p, "odd-1", ""), outsider(t, s, p, "odd-2", "")}
			for _, c := range odd {
				c.Want(cds)
				c.Nack(c.Read(), "old: "+withoutADS+" to support an ADS config source")
			}
			s.set(cluster("web", 1))
			for _, c := range odd {
				r := c.Read()
				c.Nack(r, "web: "+withoutADS+" to support an ADS config source")
				c.Silence() // it is not asked which of them it means
			}
			good := xdstest.Open(t, s.conn, p, "good")
			good.Want(cds)
			good.Accept(cds, "old@1", "web@1")
		})
	}
}

// outsider opens a stream for clusters only, of a node whose metadata names a cluster.
func outsider(t *testing.T, s *stage, p xdstest.Protocol, id, name string) *xdstest.Client {
	method := map[xdstest.Protocol]string{
		xdstest.SotW:  clusterservicev3.ClusterDiscoveryService_StreamClusters_FullMethodName,
		xdstest.Delta: clusterservicev3.ClusterDiscoveryService_DeltaClusters_FullMethodName,
	}[p]
	node := &corev3.Node{Id: id, UserAgentName: "envoy", Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{sourceKey: structpb.NewStringValue(name)}}}
	return xdstest.OpenMethod(t, s.conn, p, method, node)
}

func TestViewsThatClientsNameAreBoundedAndEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first := fleet(t, "web")
	s.Publish(own, first.Diff(translate.Resources{}))
	var clients []*xdstest.Client
	sources := map[string]int{}
	for i := range maxDerived + 2 {
		c := outsider(t, s, xdstest.Delta, fmt.Sprint("edge-", i), fmt.Sprint("control-", i))
		c.Want(cds)
		var m clusterv3.Cluster
		if err := c.Read().Resources["web"].UnmarshalTo(&m); err != nil {
			t.Fatal(err)
		}
		for _, service := range m.GetEdsClusterConfig().GetEdsConfig().GetApiConfigSource().GetGrpcServices() {
			sources[service.GetEnvoyGrpc().GetClusterName()]++
		}
		clients = append(clients, c)
	}
	if len(sources) != maxDerived || len(s.Views()) != 1+maxDerived {
		t.Errorf("%d sources, %d views", len(sources), len(s.Views()))
	}
	for _, c := range clients {
		c.Close()
	}
	for end := time.Now().Add(2 * time.Minute); len(s.Streams()) > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	s.Publish(own, fleet(t, "web", "db").Diff(first))
	if n := len(s.Views()); n != 1 {
		t.Errorf("%d views are left", n)
	}
}
