package translate

import (
	"math/rand/v2"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// TestInstancesNeverChangeTheCluster: nothing that can be said of instances, and of the names that
// they have, shows in the cluster, so Envoy never rebuilds it and drops no connection.
func TestInstancesNeverChangeTheCluster(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	want := resource(t, serve(t, catalog.Service{Key: own("web")}), ClusterType, "web")
	assignments := map[string]bool{}
	for range 500 {
		s := randomService(r, own("web"))
		served := serve(t, s)
		if got := resource(t, served, ClusterType, "web"); !equalResource(got, want) {
			t.Fatalf("%v changed the cluster", s)
		}
		assignments[resource(t, served, AssignmentType, "web").Version] = true
	}
	if len(assignments) < 100 {
		t.Errorf("only %d different assignments were tried", len(assignments))
	}
}

// TestAChangedClusterBringsItsAssignmentAlong, though not a byte of the assignment changed:
// Envoy waits for it to come again.
func TestAChangedClusterBringsItsAssignmentAlong(t *testing.T) {
	web := catalog.Delta{Set: []catalog.Service{eight(1)}}
	config := testConfig()
	before, _ := New(config).Apply(web)
	config.Defaults.ConnectTimeout = new(policy.Duration(10e9))
	after, _ := New(config).Apply(web)

	batch := after.Diff(before)
	if len(batch.Set) != 2 || batch.Set[0].Type != ClusterType || batch.Set[1].Type != AssignmentType {
		t.Fatalf("the batch has %v, want the cluster, then its assignment", batch.Set)
	}
	if old := resource(t, before, AssignmentType, batch.Set[1].Name.Name); string(old.Value) != string(batch.Set[1].Value) {
		t.Error("the assignment's bytes changed too, so this shows nothing")
	}
}

func TestSettingsReachTheCluster(t *testing.T) {
	config := testConfig()
	config.Defaults.HealthyPanicThreshold = new(policy.Percent(12.5))
	config.Defaults.ConnectTimeout = new(policy.Duration(1_500_000_000))
	r, _ := New(config).Apply(catalog.Delta{Set: []catalog.Service{eight(1)}})
	m, err := Decode(resource(t, r, ClusterType, "service-00001"))
	if err != nil {
		t.Fatal(err)
	}
	c := m.(*clusterv3.Cluster)
	if got := c.GetConnectTimeout().AsDuration(); got != 1_500_000_000 {
		t.Errorf("connect timeout %v", got)
	}
	if got := c.GetCommonLbConfig().GetHealthyPanicThreshold().GetValue(); got != 12.5 {
		t.Errorf("healthy panic threshold %v", got)
	}
}

func serve(t *testing.T, s catalog.Service) Resources {
	t.Helper()
	r, _ := empty().Apply(catalog.Delta{Set: []catalog.Service{s}})
	return r
}

func resource(t *testing.T, r Resources, kind, name string) Resource {
	t.Helper()
	for one := range r.All() {
		if one.Name == (Name{kind, name}) {
			return one
		}
	}
	t.Fatalf("there is no %s %q", kind, name)
	return Resource{}
}
