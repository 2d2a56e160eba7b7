package e2e_test

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"legate/internal/parts"
)

// A person writes service-defaults, and Envoy speaks as they say. Then the token loses its rights by
// mistake: Envoy goes on as before, and an operator sees what is held. With them, a deletion is believed.
func TestConsulsConfigEntriesReachEnvoyAndAreNotLostByAnACLMistake(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{ACL: true})
	s.register(t, "shop", "shop-1", 1)
	acl := s.consul.Client().ACL()
	const rights = `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }`
	policy, _, err := acl.PolicyCreate(&api.ACLPolicy{Name: "legate", Rules: rights}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := acl.TokenCreate(&api.ACLToken{Policies: []*api.ACLLink{{ID: policy.ID}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "admin")
	s.legate = startLegate(t, s.consul, "--consul-token", token.SecretID, "--datacenter", "dc1", "--consul-wait", "1s", "--admin-socket", socket)
	e := startEnvoy(t, s.legate, way{name: "entries", mode: "delta", cds: true}, "shop")
	s.envoys = append(s.envoys, e)
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
	speaks := func(http2 bool) error {
		clusters, err := e.Get(t.Context(), "/config_dump?resource=dynamic_active_clusters")
		if is := strings.Contains(string(clusters), `"http2_protocol_options"`); err == nil && is != http2 {
			err = fmt.Errorf("envoy speaks HTTP/2 to the service: %v, want %v", is, http2)
		}
		return err
	}
	if err := speaks(false); err != nil {
		t.Fatal(err)
	}
	write := func(protocol string) {
		t.Helper()
		if _, _, err := s.consul.Client().ConfigEntries().Set(&api.ServiceConfigEntry{Kind: api.ServiceDefaults, Name: "shop", Protocol: protocol}, nil); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	write("grpc")
	eventually(t, func() error { return speaks(true) })
	t.Logf("envoy had it %v after it was written", time.Since(began))

	policy.Rules = `key_prefix "" { policy = "read" }`
	if _, _, err := acl.PolicyUpdate(policy, nil); err != nil {
		t.Fatal(err)
	}
	list := func() string {
		out, err := exec.CommandContext(t.Context(), s.legate.Path, "holds", "list", "--admin-socket", socket).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	eventually(t, func() error {
		if out := list(); !strings.Contains(out, "service-defaults/shop  entry_hidden") || !strings.Contains(out, "service:read") {
			return errors.New(out)
		}
		return nil
	})
	time.Sleep(3 * time.Second) // longer than any other hold lasts here
	if err := speaks(true); err != nil {
		t.Error(err)
	}

	policy.Rules = rights
	if _, _, err := acl.PolicyUpdate(policy, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if out := list(); !strings.Contains(out, "nothing is held") {
			return errors.New(out)
		}
		return nil
	})
	if _, err := s.consul.Client().ConfigEntries().Delete(api.ServiceDefaults, "shop", nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return speaks(false) })
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1") })
}
