package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"legate/discovery/catalog"
	"legate/internal/parts"
	"legate/internal/policytest"
	"legate/translate"
)

// TestARealEnvoyRefusesTheRawFieldsThatLegateRefuses: each of the table is merged into a cluster of Legate's, which
// a real Envoy validates. translate shows that Legate's word is the same.
func TestARealEnvoyRefusesTheRawFieldsThatLegateRefuses(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs a real Envoy")
	}
	t.Parallel()
	program, err := parts.EnvoyProgram().Find(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	base := clusterOf(t, "web")
	var accepted []any
	for n, one := range policytest.Raw() {
		var fields map[string]any
		if err := json.Unmarshal([]byte(one.JSON), &fields); err != nil {
			t.Fatal(err)
		}
		cluster := merged(base, fields)
		if one.Verdict == "accepted" || one.Verdict == "stricter" {
			cluster["name"] = fmt.Sprintf("web-%d", n)
			accepted = append(accepted, cluster)
		} else if said, refused := validates(t, program, cluster); !refused {
			t.Errorf("envoy takes %s: %s", one.JSON, said)
		}
	}
	if said, refused := validates(t, program, accepted...); refused {
		t.Errorf("envoy refuses one of what is accepted: %s", said)
	}
}

// clusterOf is the cluster that Legate makes of a service, as JSON.
func clusterOf(t testing.TB, name string) map[string]any {
	t.Helper()
	config := translate.DefaultConfig()
	config.Datacenter = "dc1"
	r, _ := translate.New(config).Apply(catalog.Delta{Set: []catalog.Service{{Key: catalog.ServiceKey{Datacenter: "dc1", Name: name}}}})
	for one := range r.All() {
		if one.Type != translate.ClusterType {
			continue
		}
		m, err := translate.Decode(one)
		if err != nil {
			t.Fatal(err)
		}
		text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var cluster map[string]any
		if err := json.Unmarshal(text, &cluster); err != nil {
			t.Fatal(err)
		}
		return cluster
	}
	t.Fatalf("%s has no cluster", name)
	return nil
}

// merged is a copy of an object with another one over it.
func merged(under, over map[string]any) map[string]any {
	all := map[string]any{}
	for key, v := range under {
		all[key] = v
	}
	for key, v := range over {
		a, is := all[key].(map[string]any)
		b, too := v.(map[string]any)
		if is && too {
			v = merged(a, b)
		}
		all[key] = v
	}
	return all
}

// validates lets Envoy validate clusters, and returns what it says.
func validates(t testing.TB, program string, clusters ...any) (said string, refused bool) {
	t.Helper()
	xds := object{"name": "xds", "connect_timeout": "1s", "type": "STATIC"}
	boot, err := json.Marshal(object{
		"node": object{"id": "a", "cluster": "b"},
		"dynamic_resources": object{"ads_config": object{"api_type": "GRPC", "transport_api_version": "V3",
			"grpc_services": []any{object{"envoy_grpc": object{"cluster_name": "xds"}}}}},
		"static_resources": object{"clusters": append([]any{xds}, clusters...)},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "bootstrap.json")
	if err := os.WriteFile(file, boot, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, "--mode", "validate", "--config-path", file, "--log-level", "critical").CombinedOutput()
	return strings.TrimSpace(string(out)), err != nil
}
