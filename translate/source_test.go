package translate

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// Assignments and secrets come the same way, also inside the PROXY protocol.
func TestAClusterFollowsItsSource(t *testing.T) {
	policies, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte(
		"defaults: {tls: {ca: /ca.pem, sans: [web], cert_file: /tls.crt, key_file: /tls.key}, proxy_protocol: v1}")}})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := empty().With(policies)
	r, _ = r.Apply(catalog.Delta{Set: []catalog.Service{{Key: own("web")}}})
	cluster, assignment := resource(t, r, ClusterType, "web"), resource(t, r, AssignmentType, "web")
	for source, want := range map[Source]corev3.ApiConfigSource_ApiType{
		{Cluster: "control"}:                    corev3.ApiConfigSource_GRPC,
		{Cluster: "control", Incremental: true}: corev3.ApiConfigSource_DELTA_GRPC,
	} {
		got, err := source.Of(cluster)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Decode(got)
		if err != nil {
			t.Fatal(err)
		}
		api := m.(*clusterv3.Cluster).GetEdsClusterConfig().GetEdsConfig().GetApiConfigSource()
		if api.GetApiType() != want || api.GetGrpcServices()[0].GetEnvoyGrpc().GetClusterName() != "control" || got.Version == cluster.Version {
			t.Errorf("%+v: %v", source, m)
		}
		var from []*corev3.ConfigSource
		if err := eachTLS(m.(*clusterv3.Cluster), func(c *tlsv3.CommonTlsContext) bool {
			from = append(from, c.GetTlsCertificateSdsSecretConfigs()[0].GetSdsConfig(), c.GetCombinedValidationContext().GetValidationContextSdsSecretConfig().GetSdsConfig())
			return false
		}); err != nil || len(from) != 2 {
			t.Fatalf("%+v: %d secrets, %v", source, len(from), err)
		}
		for _, secret := range from {
			if !proto.Equal(secret.GetApiConfigSource(), api) {
				t.Errorf("%+v: a secret comes from %v", source, secret)
			}
		}
		if same, err := source.Of(assignment); err != nil || same.Version != assignment.Version {
			t.Errorf("an assignment: %v %v", same, err)
		}
	}
	if same, err := (Source{}).Of(cluster); err != nil || same.Version != cluster.Version {
		t.Errorf("without a source: %v %v", same, err)
	}
}
