package translate

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"legate/discovery/catalog"
)

func TestAClusterFollowsItsSource(t *testing.T) {
	r, _ := empty().Apply(catalog.Delta{Set: []catalog.Service{{Key: own("web")}}})
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
		if same, err := source.Of(assignment); err != nil || same.Version != assignment.Version {
			t.Errorf("an assignment: %v %v", same, err)
		}
	}
	if same, err := (Source{}).Of(cluster); err != nil || same.Version != cluster.Version {
		t.Errorf("without a source: %v %v", same, err)
	}
}
