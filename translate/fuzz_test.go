package translate

import (
	"slices"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"legate/discovery/catalog"
)

// FuzzTranslate: whatever Consul holds, each resource that leaves is one that Envoy takes, our
// own rules find all there is to find (Invalid never happens), and a good service beside the
// odd one is served as if it were alone.
func FuzzTranslate(f *testing.F) {
	f.Add("web", "10.0.0.1", "", 80, byte(0), 1, 1, "eu", "a", "10.0.0.1")
	f.Add("a.b", "db.example", "", 80, byte(1), 0, -1, "", "", "::1")
	f.Add("*", "", "/run/s", 0, byte(9), 1<<62, 1<<32-1, "\xff", "\x00", "x.example")
	f.Add("xdstp://a/b", "0.0.0.0", "@", -1, byte(3), 5, 5, strings.Repeat("r", 300), "", "")
	f.Fuzz(func(t *testing.T, name, address, path string, port int, health byte, passing, warning int, region, zone, second string) {
		first := catalog.Instance{
			Node: "n", ID: "1", Address: address, SocketPath: path, Port: port, Health: catalog.Health(health),
			Weights: catalog.Weights{Passing: passing, Warning: warning}, Locality: catalog.Locality{Region: region, Zone: zone},
		}
		other := first
		other.ID, other.Address, other.SocketPath, other.NodeMeta = "2", second, "", map[string]string{RegionMeta: zone}
		other.Locality = catalog.Locality{}
		third := first
		third.ID, third.Health = "3", catalog.Passing
		odd := catalog.Service{Key: own(name), Instances: []catalog.Instance{first, other, third}}
		good := eight(1)
		if odd.Key == good.Key {
			return
		}

		r, problems := empty().Apply(catalog.Delta{Set: []catalog.Service{odd, good}})
		for _, p := range problems {
			if p.Reason == Invalid || !slices.Contains(Reasons(), p.Reason) || p.Detail == "" || p.Remedy == "" {
				t.Errorf("problem %+v", p)
			}
		}
		alone := serve(t, good)
		for one := range r.All() {
			requireAccepted(t, one)
			if one.Name.Name == good.Key.Name && !equalResource(one, resource(t, alone, one.Type, one.Name.Name)) {
				t.Errorf("the good service's %s is another beside the odd one", one.Type)
			}
		}
	})
}

func requireAccepted(t *testing.T, r Resource) {
	t.Helper()
	m, err := Decode(r)
	if err != nil {
		t.Fatal(err)
	}
	switch m := m.(type) {
	case *clusterv3.Cluster:
		if err := m.ValidateAll(); err != nil || m.Name != r.Name.Name {
			t.Errorf("cluster %q named %q: %v", m.Name, r.Name.Name, err)
		}
		if m.LoadAssignment != nil {
			requireAssignment(t, m.LoadAssignment, r.Name.Name)
		}
	case *endpointv3.ClusterLoadAssignment:
		requireAssignment(t, m, r.Name.Name)
	}
}

// requireAssignment checks what the xDS API demands beyond the rules in its protos.
func requireAssignment(t *testing.T, a *endpointv3.ClusterLoadAssignment, name string) {
	t.Helper()
	if err := a.ValidateAll(); err != nil || a.ClusterName != name {
		t.Errorf("assignment %q named %q: %v", a.ClusterName, name, err)
	}
	places, localities := map[string]bool{}, map[string]bool{}
	var all uint64
	for _, l := range a.Endpoints {
		where := l.GetLocality().GetRegion() + "\x00" + l.GetLocality().GetZone()
		if localities[where] || l.GetLocality().GetRegion() == "" || len(l.LbEndpoints) == 0 || l.Priority != 0 {
			t.Errorf("locality %v", l)
		}
		localities[where] = true
		var sum uint64
		for _, e := range l.LbEndpoints {
			address := e.GetEndpoint().GetAddress().String()
			if places[address] || e.GetLoadBalancingWeight().GetValue() < 1 {
				t.Errorf("endpoint %v", e)
			}
			places[address] = true
			sum += uint64(e.GetLoadBalancingWeight().GetValue())
		}
		weight := uint64(l.GetLoadBalancingWeight().GetValue())
		if weight < 1 || weight > sum || weight < sum && a.GetPolicy() == nil { // by Envoy's own factor it is the sum
			t.Errorf("endpoints of weight %d in a locality of weight %v", sum, l.GetLoadBalancingWeight())
		}
		all += sum
	}
	if all > 1<<32-1 {
		t.Errorf("the localities weigh %d", all)
	}
}
