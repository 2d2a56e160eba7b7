package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"legate/internal/parts"
)

// Connections have a maximum age, so that a new Legate gets its share of Envoys. An Envoy that must
// reconnect again and again loses nothing, and an incremental one is sent nothing.
func TestAnEnvoyWhoseConnectionIsTooOldComesBackUnharmed(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "shop", "shop-1", 1)
	s.register(t, "shop", "shop-2", 1)
	config := filepath.Join(t.TempDir(), "legate.yaml")
	if err := os.WriteFile(config, []byte("xds: {connection_age: 2s, connection_grace: 500ms}"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.legate = startLegate(t, s.consul, "--config", config)
	before := make(map[*envoy]map[string]int)
	var flows []*flow
	for _, w := range []way{adsDelta, adsSotW} {
		s.envoys = append(s.envoys, startEnvoy(t, s.legate, w, "shop", "new"))
	}
	s.everywhere(t, func(e *envoy) error { return e.answers("shop", "shop-1", "shop-2") })
	for _, e := range s.envoys {
		before[e] = e.rebuilt(t)
		flows = append(flows, visit(t, e, "shop"))
	}

	streams := make(map[string]string) // node ids of all streams so far
	eventually(t, func() error {
		nodes := make(map[string]int)
		for _, st := range s.legate.status(t).Streams {
			streams[st.ID] = st.Node
		}
		for _, node := range streams {
			nodes[node]++
		}
		if nodes[adsDelta.name] < 3 || nodes[adsSotW.name] < 3 {
			return fmt.Errorf("streams so far: %v", nodes)
		}
		return nil
	})
	s.reconnected(t)
	eventually(t, func() error { // also those that reconnected
		for _, st := range s.legate.status(t).Streams {
			for _, of := range st.Types {
				if of.State != "SYNCED" {
					return fmt.Errorf("%s is %s with %s", st.Node, of.State, of.Type)
				}
			}
		}
		return nil
	})
	for e, was := range before {
		if now := e.rebuilt(t); !maps.Equal(now, was) {
			t.Errorf("%s: was %v, is %v", e.way.name, was, now)
		}
	}
	s.register(t, "new", "new-1", 1)
	s.everywhere(t, func(e *envoy) error { return e.answers("new", "new-1") })
	for _, f := range flows {
		f.goesOn(t)
	}
}
