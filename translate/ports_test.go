package translate

import (
	"strings"
	"testing"

	"legate/discovery/catalog"
)

func TestNamesThatNoPortsClusterCanHave(t *testing.T) {
	for _, c := range []struct {
		service, port string
		remedy        string // of the one problem
	}{
		{"web", "a.b", "name the port"},
		{"web", "-a", "name the port"},
		{"web", strings.Repeat("a", 64), "name the port"},
		{strings.Repeat("w", 250), "grpc", "shorter name"},
		{"*", "grpc", "register the service under another name"}, // the ports of a service that is not served are not, either
	} {
		s := catalog.Service{Key: own(c.service), Instances: []catalog.Instance{{
			Node: "n", Address: "10.0.0.1", Port: 80, Ports: []catalog.Port{{Name: c.port, Port: 81}},
		}}}
		r, problems := empty().Apply(catalog.Delta{Set: []catalog.Service{s}})
		if len(problems) != 1 || problems[0].Instance != "" || !strings.Contains(problems[0].Remedy, c.remedy) {
			t.Errorf("port %q of %q: problems %v, want one that says %q", c.port, c.service, problems, c.remedy)
		}
		for one := range r.All() {
			if one.Name.Name != c.service {
				t.Errorf("port %q of %q is served as %q", c.port, c.service, one.Name.Name)
			}
		}
	}
}

func TestIsPortOf(t *testing.T) {
	for cluster, want := range map[string]bool{
		"web.grpc.port": true, "web.port": false, "web.grpc": false, "web.a.b.port": false, "other.grpc.port": false, ".grpc.port": false, "port": false,
	} {
		if got := IsPortOf("web", cluster); got != want {
			t.Errorf("%q: %t", cluster, got)
		}
	}
	if IsPortOf("", ".grpc.port") {
		t.Error("a service without a name has a port")
	}
}
