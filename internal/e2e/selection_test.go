package e2e_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// Nomad, Vault and Patroni register several ports under one name, each with a tag. Only the
// selected one gets traffic. When an instance loses the tag, it is held and then released.
func TestATagPicksInstancesAndLosingItIsALoss(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	tag := func(instance string, tags ...string) {
		b := s.backend(t, instance, "127.0.0.1:0")
		s.registerAs(t, parts.Instance{ID: instance, Service: "nomad", Address: "127.0.0.1", Port: b.Port, Tags: tags})
	}
	tag("nomad-http", "http")
	tag("nomad-rpc", "rpc")
	tag("nomad-serf", "serf")
	s.register(t, "untagged", "untagged-1", 1)
	socket := filepath.Join(t.TempDir(), "admin")
	s.legate = startLegate(t, s.consul, "--tag", "http", "--guard-empty", "1h", "--guard-confirm", "1h", "--admin-socket", socket)
	s.envoys = append(s.envoys, startEnvoy(t, s.legate, adsDelta, "nomad", "untagged"), startEnvoy(t, s.legate, staticSotW, "nomad", "untagged"))

	s.everywhere(t, func(e *envoy) error { return e.answers("nomad", "nomad-http") })
	s.everywhere(t, func(e *envoy) error { return e.refuses("untagged") })
	for _, e := range s.envoys {
		if got, err := e.count("nomad", 18); err != nil || got["nomad-http"] != 18 {
			t.Errorf("%s: 18 requests went to %v, %v; want all at nomad-http", e.way.name, got, err)
		}
	}
	if n := s.legate.status(t).Consul.Services; n != 1 {
		t.Errorf("%d services are served, want the one with the tag", n)
	}

	tag("nomad-http", "retired")
	holds := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), s.legate.Path, append(append([]string{"holds"}, args...), "--admin-socket", socket)...).CombinedOutput()
		if err != nil {
			t.Fatalf("legate holds %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	eventually(t, func() error {
		if out := holds("list"); !strings.Contains(out, "nomad") || !strings.Contains(out, "tags") {
			return fmt.Errorf("nothing is held: %s", out)
		}
		return nil
	})
	time.Sleep(2 * time.Second)
	for _, e := range s.envoys {
		if got, err := e.count("nomad", 18); err != nil || got["nomad-http"] != 18 {
			t.Errorf("%s: while it is held, 18 requests went to %v, %v", e.way.name, got, err)
		}
	}
	if out := holds("release", "--service", "nomad"); !strings.Contains(out, "1 hold") {
		t.Error(out)
	}
	s.everywhere(t, func(e *envoy) error { return e.refuses("nomad") })
	tag("nomad-rpc", "http") // another instance gets the tag
	s.everywhere(t, func(e *envoy) error { return e.answers("nomad", "nomad-rpc") })
}

// Whoever may register services can register names that Consul lists but refuses queries for. They
// neither affect other services nor delay a start.
func TestNamesThatConsulWillNotAnswerForHoldNobodyUp(t *testing.T) {
	t.Parallel()
	consul := partstest.Consul(t, parts.ConsulOptions{})
	put := func(name string, port int) {
		_, err := consul.Client().Catalog().Register(&api.CatalogRegistration{Node: "n", Address: "10.0.0.1",
			Service: &api.AgentService{ID: name, Service: name, Port: port}}, nil)
		if err != nil {
			t.Fatalf("register %q: %v", name, err)
		}
	}
	bad := []string{"a\u200bb", "new\nline", "\x1b[31mred", "\u202egnp.exe", "no\u00a0break", "bell\a"}
	for n, name := range bad {
		put(name, 1000+n)
	}
	for n := range 15 {
		put(fmt.Sprintf("shop-%02d", n), 2000+n)
	}
	l := newLegate(t, consul)
	began := time.Now()
	l.launch(t)
	l.awaitReady(t)
	took := time.Since(began)
	t.Logf("15 services beside %d bad names are served %v after the start", len(bad), took)
	if took > 8*time.Second { // about one second on an idle machine; eleven if it waited for the bad names
		t.Errorf("ready %v after the start", took)
	}
	left := 0
	for _, p := range l.status(t).Problems {
		if p.Reason == "name" {
			left++
		}
	}
	if left != len(bad) {
		t.Errorf("%d names are left out, want %d", left, len(bad))
	}
	if s := l.status(t); !s.Consul.Connected {
		t.Error("a bad name counts as trouble of Consul's")
	}

	render := exec.CommandContext(t.Context(), l.Path, "render", "--consul-addr", consul.Addr)
	var told strings.Builder
	render.Stderr = &told
	out, err := render.Output()
	if err != nil {
		t.Fatalf("legate render: %v\n%s", err, told.String())
	}
	if n := strings.Count(string(out), "envoy.config.cluster.v3.Cluster"); n != 15 {
		t.Errorf("render prints %d clusters, want 15", n)
	}
	if n := strings.Count(told.String(), "left out: "); n != len(bad) || strings.ContainsAny(told.String(), "\x1b\a\u202e") {
		t.Errorf("render says:\n%q", told.String())
	}
}
