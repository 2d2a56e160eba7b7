package translate

import (
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"legate/discovery/catalog"
	"legate/translate/policy"
)

// failingOverTo serves a service with these instances here and at dc2, where it fails over to.
func failingOverTo(t *testing.T, c Config, here, there []catalog.Instance) (Resources, []Problem) {
	t.Helper()
	policies, err := policy.Parse([]policy.File{{Name: "policy.yaml", Content: []byte("defaults: {failover: [dc2]}")}})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := New(c).With(policies)
	d := catalog.Delta{Set: []catalog.Service{{Key: catalog.ServiceKey{Datacenter: "dc2", Name: "web"}, Instances: there}}}
	if here != nil {
		d.Set = append([]catalog.Service{{Key: own("web"), Instances: here}}, d.Set...)
	}
	return r.Apply(d)
}

func listening(id, host string, port int) catalog.Instance {
	i := catalog.Instance{Node: "n", ID: id, Address: host, Port: port, Health: catalog.Passing, Weights: catalog.Weights{Passing: 1, Warning: 1}}
	if port == 0 {
		i.Address, i.SocketPath = "", host
	}
	return i
}

// endpointsIn are the addresses that clients get of a service, from whichever of its resources carries them.
func endpointsIn(t *testing.T, r Resources, name string) string {
	t.Helper()
	x, _ := r.Explain(name)
	var all []string
	for _, b := range x.Instances {
		for _, e := range b.Endpoints {
			all = append(all, e.Address)
		}
		if len(b.Endpoints) == 0 && (b.Out == nil || b.Out.Remedy == "") {
			t.Errorf("%s: nothing says why %s at %s is left out", name, b.Instance.ID, b.Site)
		}
	}
	return strings.Join(all, " ")
}

// TestASocketOfAnotherSiteIsNoEndpoint: no host of this site has it. A socket of that path here is another one.
func TestASocketOfAnotherSiteIsNoEndpoint(t *testing.T) {
	sick := listening("a", "/run/web.sock", 0)
	sick.Health = catalog.Critical
	r, problems := failingOverTo(t, testConfig(), []catalog.Instance{sick}, []catalog.Instance{listening("b", "/run/web.sock", 0), listening("c", "10.2.0.1", 80)})
	for name, want := range map[string]string{"web": "/run/web.sock 10.2.0.1:80", "web.dc2": "10.2.0.1:80"} {
		if got := endpointsIn(t, r, name); got != want {
			t.Errorf("%s has %s, want %s", name, got, want)
		}
	}
	x, _ := r.Explain("web")
	if len(x.Instances[0].Endpoints) != 1 || x.Instances[0].Endpoints[0].Health != "UNHEALTHY" {
		t.Errorf("the own socket became %+v", x.Instances[0])
	}
	if len(problems) != 1 || problems[0].Reason != BadSocket || problems[0].Instance != "n/b" || !strings.Contains(problems[0].Remedy, "address") {
		t.Errorf("the problems are %+v", problems)
	}
}

// TestAHostNameOfALaterSiteChangesNoCluster, where Envoy resolves host names: what a cluster is follows from the site that
// is used first.
func TestAHostNameOfALaterSiteChangesNoCluster(t *testing.T) {
	unresolved := testConfig()
	unresolved.Resolved = false
	ip, name := listening("a", "10.0.0.1", 80), listening("a", "here.example", 80)
	there := []catalog.Instance{listening("b", "there.example", 80), listening("c", "10.2.0.1", 80)}
	for _, c := range []struct {
		what     string
		here     []catalog.Instance
		want     string
		problems int
		dns      bool
	}{
		{"addresses here", []catalog.Instance{ip}, "10.0.0.1:80 10.2.0.1:80", 1, false},
		{"host names here", []catalog.Instance{name}, "here.example:80 there.example:80 10.2.0.1:80", 0, true},
		{"nobody here", nil, "there.example:80 10.2.0.1:80", 0, true},
	} {
		r, problems := failingOverTo(t, unresolved, c.here, there)
		if got := endpointsIn(t, r, "web"); got != c.want {
			t.Errorf("%s: web has %s, want %s", c.what, got, c.want)
		}
		m, err := Decode(resource(t, r, ClusterType, "web"))
		if dns := m.(*clusterv3.Cluster).GetType() != clusterv3.Cluster_EDS; err != nil || dns != c.dns {
			t.Errorf("%s: the cluster is %v, %v", c.what, m, err)
		}
		if len(problems) != c.problems || c.problems > 0 && (problems[0].Reason != Mixed || problems[0].Instance != "n/b" || problems[0].Service != "web.dc1" && problems[0].Service != "web.dc2") {
			t.Errorf("%s: the problems are %+v", c.what, problems)
		}
		if got := endpointsIn(t, r, "web.dc2"); got != "there.example:80 10.2.0.1:80" {
			t.Errorf("%s: web.dc2 has %s", c.what, got)
		}
	}
}
