package translate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// sent are the endpoints in a service's assignment or, if it is a DNS cluster, in its cluster.
func sent(t *testing.T, r Resources, name string) (all []string) {
	t.Helper()
	m, err := Decode(resource(t, r, ClusterType, name))
	if err != nil {
		t.Fatal(err)
	}
	a := m.(*clusterv3.Cluster).LoadAssignment
	if a == nil {
		if m, err = Decode(resource(t, r, AssignmentType, name)); err != nil {
			t.Fatal(err)
		}
		a = m.(*endpointv3.ClusterLoadAssignment)
	}
	for _, group := range a.Endpoints {
		for _, e := range group.LbEndpoints {
			at := e.GetEndpoint().Address
			where := at.GetPipe().GetPath()
			if ip := at.GetSocketAddress(); ip != nil {
				where = address{host: ip.Address, port: ip.GetPortValue()}.String()
			}
			all = append(all, fmt.Sprintln(where, e.HealthStatus, e.LoadBalancingWeight.GetValue(), group.Locality.GetRegion(), group.Locality.GetZone()))
		}
	}
	slices.Sort(all)
	return all
}

// TestWhatIsExplainedIsWhatIsSent: whatever the catalog and the policy, the endpoints of all instances together
// are those of the assignment, and an instance without any says why.
func TestWhatIsExplainedIsWhatIsSent(t *testing.T) {
	said := map[string]int{}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 31))
		c := saying(r)
		config := testConfig()
		config.Resolved = seed%4 > 0
		res, _ := New(config).With(randomPolicies(t, r, c))
		res, _ = res.Apply(catalog.Catalog{}.Diff(c))
		names := map[string]bool{}
		for _, name := range res.Served() {
			names[name] = true
		}
		for l := range res.Services() {
			names[l.Name()] = true
		}
		for name := range names {
			x, is := res.Explain(name)
			if !is || x.Name != name {
				t.Fatalf("seed %d: %q is not explained: %+v", seed, name, x)
			}
			var got []string
			for _, b := range x.Instances {
				for _, e := range b.Endpoints {
					got = append(got, fmt.Sprintln(e.Address, e.Health, e.Weight, e.Locality.Region, e.Locality.Zone))
				}
				if (b.Out == nil) != (len(b.Endpoints) > 0) || b.Out != nil && b.Out.Detail == "" {
					t.Errorf("seed %d: %s: %+v has %v, and is out: %+v", seed, name, b.Instance, b.Endpoints, b.Out)
				}
				if b.Out != nil {
					said[strings.Fields(b.Out.Detail)[0]]++
				}
			}
			if slices.Sort(got); x.Served && !slices.Equal(got, sent(t, res, name)) || !x.Served && got != nil {
				t.Errorf("seed %d: %s: explained are\n%v, sent\n%v", seed, name, got, sent(t, res, name))
			}
			if _, _, has := res.Policy(name); has != x.Served {
				t.Errorf("seed %d: %s: served %t, has a policy %t", seed, name, x.Served, has)
			}
		}
	}
	if len(said) < 8 {
		t.Errorf("only so many reasons came up: %v", said)
	}
}

func TestAnInstanceThatIsLeftOutSaysWhy(t *testing.T) {
	at := func(id, address string, health catalog.Health) catalog.Instance {
		return catalog.Instance{Node: "n1", ID: id, Address: address, Port: 80, Health: health, Weights: catalog.Weights{Passing: 1, Warning: 1}}
	}
	web := catalog.Service{Key: own("web"), Instances: []catalog.Instance{
		at("a", "10.0.0.1", catalog.Critical), at("b", "10.0.0.1", catalog.Passing), at("c", "10.0.0.256", catalog.Passing), at("d", "10.0.0.4", catalog.Critical),
	}}
	web.Instances[1].Ports = []catalog.Port{{Name: "grpc", Port: 81}, {Name: "http", Port: 80, Default: true}}
	drops, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte("defaults: {critical: drop}\n")}})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := New(testConfig()).With(drops)
	r, _ = r.Apply(catalog.Delta{Set: []catalog.Service{web, {Key: own("*"), Instances: web.Instances[:1]}}})
	for name, want := range map[string][]string{
		"web":           {"critical, and the policy leaves such", "", `address "10.0.0.256"`, "critical, and the policy"},
		"web.grpc.port": {"critical, and the policy", "", `it has no port "grpc"`, "critical, and the policy"},
		"*":             {"stands for all names in xDS"},
	} {
		x, is := r.Explain(name)
		if !is || len(x.Instances) != len(want) || x.Service != strings.TrimSuffix(name, ".grpc.port") {
			t.Fatalf("%s: %t %+v", name, is, x)
		}
		for n, b := range x.Instances {
			if want[n] == "" && len(b.Endpoints) == 1 {
				continue
			}
			if b.Out == nil || !strings.Contains(b.Out.Detail, want[n]) || b.Out.Remedy == "" {
				t.Errorf("%s, %s: %+v, want %q", name, b.Instance.ID, b.Out, want[n])
			}
		}
	}
	r, _ = empty().Apply(catalog.Delta{Set: []catalog.Service{web}})
	x, _ := r.Explain("web")
	if out := x.Instances[0].Out; out == nil || !strings.Contains(out.Detail, `"n1/b" has the same address`) {
		t.Errorf("of two with one address: %+v", out)
	}
	if !slices.Equal(x.Ports, []string{"web.grpc.port"}) || len(x.Problems) != 1 {
		t.Errorf("ports %q, problems %v", x.Ports, x.Problems)
	}
	if x, _ := r.Explain("web.grpc.port"); x.Instances[3].Out == nil || x.Instances[3].Out.Detail != `it has no port "grpc"` {
		t.Errorf("without the port: %+v", x.Instances[3].Out)
	}
	for _, name := range []string{"", "wbe", "web.port", "web.http.port", "web.grpc", ".port", "wbe.grpc.port"} {
		if x, is := r.Explain(name); is {
			t.Errorf("%q is explained: %+v", name, x)
		}
	}
}

func TestServicesAreListedByNameWithWhatTheyAre(t *testing.T) {
	since := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	bad := eight(2)
	bad.Instances[0].Port, bad.Instances[1].Health = 0, catalog.Maintenance
	far := catalog.Service{Key: catalog.ServiceKey{Datacenter: "dc2", Name: "a"}}
	r, _ := empty().Apply(catalog.Delta{Set: []catalog.Service{eight(1), bad, {Key: own("*")}, far}})
	r, _ = r.Apply(catalog.Delta{Set: []catalog.Service{bad, eight(3)}, Since: since})
	var got []string
	for l := range r.Services() {
		changed, served := l.Served()
		got = append(got, fmt.Sprint(l.Name(), l.Health(), l.Problems(), served, changed.Equal(since)))
	}
	want := []string{"*[0 0 0 0] 1 false false", "service-00001[8 0 0 0] 0 true false", "service-00002[7 0 0 1] 1 true false", "service-00003[8 0 0 0] 0 true true", "a.dc2[0 0 0 0] 0 true false"}
	if !slices.Equal(got, want) {
		t.Errorf("listed are\n%q, want\n%q", got, want)
	}
}
