package e2e_test

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc/interop/grpc_testing"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// serviceDefaults: a person writes service-defaults with Consul's own command, and gRPC passes. Further changes
// are in Envoy within milliseconds. With --consul-config-entries=false, it never passes.
func serviceDefaults() policyStory {
	return policyStory{
		name:     "service-defaults, written by a person",
		last:     true, // it measures time
		services: []string{"told"},
		register: func(t *testing.T, s *stage) { s.registerAt(t, "told", "told-1", startEcho(t)) },
		rules:    fixed(""),
		show: func(t *testing.T, s *stage) {
			client := grpc_testing.NewTestServiceClient(dial(t, s.envoys[0].ports["told"]))
			echoed := func() error { return echoes(t.Context(), client) }
			if echoed() == nil {
				t.Fatal("gRPC passes already: this shows nothing")
			}
			file := filepath.Join(t.TempDir(), "told.hcl")
			replaceFile(t, file, "Kind = \"service-defaults\"\nName = \"told\"\nProtocol = \"grpc\"\n")
			person := exec.CommandContext(t.Context(), partstest.ConsulPath(t), "config", "write", file)
			person.Env = append(parts.OwnEnvironment(), "CONSUL_HTTP_ADDR="+s.consul.Addr)
			if out, err := person.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			eventually(t, echoed)

			// The machine may be busy, so the fastest of many counts.
			const limit = 50 * time.Millisecond
			fastest := patience
			for began, n := time.Now(), 0; n < 3 || fastest > limit && time.Since(began) < patience; n++ {
				fastest = min(fastest, s.changeTimeout(t, "told", n))
			}
			t.Logf("the fastest change was in envoy within %v", fastest)
			if fastest > limit {
				t.Errorf("want %v at most", limit)
			}
			if err := echoed(); err != nil {
				t.Error(err)
			}
		},
	}
}

// changeTimeout writes service-defaults with a connect timeout that differs for each n, and returns how long
// Envoy took to have the cluster.
func (s *stage) changeTimeout(t *testing.T, service string, n int) time.Duration {
	t.Helper()
	const modified = "cluster_manager.cluster_modified"
	before := s.envoys[0].stat(t, modified)
	entry := &api.ServiceConfigEntry{Kind: api.ServiceDefaults, Name: service, Protocol: "grpc",
		UpstreamConfig: &api.UpstreamConfiguration{Defaults: &api.UpstreamConfig{ConnectTimeoutMs: 1000 + n}}}
	if _, _, err := s.consul.Client().ConfigEntries().Set(entry, nil); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	eventually(t, func() error { return s.envoys[0].reaches(t, modified, before+1) })
	return time.Since(began)
}
