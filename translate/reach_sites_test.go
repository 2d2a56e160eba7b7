package translate

import (
	"strings"
	"testing"

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
