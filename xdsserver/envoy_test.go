package xdsserver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/proto"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
	"legate/internal/xdstest"
	"legate/translate"
)

// aggregated is an Envoy that has all from one stream.
func aggregated(t *testing.T, s *stage, apiType string) *parts.Envoy {
	host, port, _ := strings.Cut(s.address, ":")
	return partstest.Envoy(t, parts.EnvoyOptions{Early: true, Bootstrap: fmt.Appendf(nil, `
node: {id: new, cluster: edge}
dynamic_resources:
  ads_config:
    api_type: %s
    transport_api_version: V3
    grpc_services: [{envoy_grpc: {cluster_name: control}}]
  cds_config: {resource_api_version: V3, ads: {}}
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

// malformed is an assignment that Envoy rejects.
func malformed(t *testing.T, name string) translate.Resource {
	t.Helper()
	m := &endpointv3.ClusterLoadAssignment{ClusterName: name}
	empty, err := translate.EmptyAssignment(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(empty.Value, m); err != nil {
		t.Fatal(err)
	}
	m.Endpoints = []*endpointv3.LocalityLbEndpoints{{Priority: 1000}} // the most is 128
	if empty.Value, err = proto.Marshal(m); err != nil {
		t.Fatal(err)
	}
	empty.Version = "malformed"
	return empty
}

// An Envoy starts while a service is such that it rejects it. It has the others at once, and of that
// one what was accepted last: be it the only Envoy there is.
func TestARealEnvoyThatStartsBesideABadServiceHasTheOthersAndItsLastGoodState(t *testing.T) {
	for protocol, apiType := range map[xdstest.Protocol]string{xdstest.SotW: "GRPC", xdstest.Delta: "DELTA_GRPC"} {
		t.Run(string(protocol), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.Publish(own, fleet(t, "web", "db", "shop").Diff(translate.Resources{}))
			earlier := xdstest.Open(t, s.conn, protocol, "earlier")
			earlier.Want(eds, "web", "db", "shop")
			earlier.Ack(earlier.Read())
			s.set(malformed(t, "web"))
			e := aggregated(t, s, apiType)
			has(t, e, "web", "db", "shop")
			if err := e.AwaitReady(t.Context()); err != nil {
				t.Error(err)
			}
			rejected := s.typeStatusOf("new", eds, Nacked)
			if rejected.Rejected["web"] == "" || len(rejected.Rejected) != 1 {
				t.Errorf("%+v", rejected)
			}
			s.Publish(own, fleet(t, "web", "db").Diff(translate.Resources{})) // which is good again
			s.typeStatusOf("new", eds, Synced)
		})
	}
}

// typeStatusOf waits until a node is in the state with the type.
func (s *stage) typeStatusOf(node, typeURL string, want State) (got TypeStatus) {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		for _, st := range s.Streams() {
			for _, of := range st.Types {
				if st.Node == node && of.Type == typeURL {
					got = of
				}
			}
		}
		if got.State == want {
			return got
		}
	}
	s.t.Fatalf("%s is %+v, want %s", node, got, want)
	return got
}
