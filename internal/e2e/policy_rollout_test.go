package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"legate/internal/parts"
)

// rollout is what /api/v1/status says of a change of policy that goes out.
type rollout struct {
	Changed  int    `json:"changed"`
	Waiting  int    `json:"waiting"`
	Paused   string `json:"paused"`
	Remedy   string `json:"remedy"`
	Rejected []struct {
		Name   string `json:"name"`
		Reason string `json:"reason"`
	} `json:"rejected"`
}

func (l *legate) rollout(t testing.TB) *rollout {
	t.Helper()
	var s struct {
		Rollout *rollout `json:"rollout"`
	}
	text, err := l.get("/api/v1/status")
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.Rollout
}

// policed is a stage with so many services that have one instance each, Envoys of both protocols, and traffic to
// some of the services through each.
func policed(t *testing.T, services int, over string) (s *stage, write func(policy string), flows []*flow) {
	t.Helper()
	s = newStage(t, parts.ConsulOptions{})
	file := filepath.Join(t.TempDir(), "policy.yaml")
	write = func(policy string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("defaults: {connect_timeout: 6s}\n")
	b := s.backend(t, "any", "127.0.0.1:0")
	for i := range services {
		s.registerAs(t, parts.Instance{Service: serviceNumber(i), Address: "127.0.0.1", Port: b.Port})
	}
	var visited []string
	for i := 0; i < services; i += services / 5 {
		visited = append(visited, serviceNumber(i))
	}
	s.legate = startLegate(t, s.consul, "--policy", file, "--policy-rollout", over)
	for _, w := range []way{adsDelta, adsSotW} {
		s.envoys = append(s.envoys, startEnvoy(t, s.legate, w, visited...))
	}
	for _, service := range visited {
		s.everywhere(t, func(e *envoy) error { return e.answers(service, "any") })
	}
	for _, e := range s.envoys {
		for _, service := range visited {
			flows = append(flows, visit(t, e, service))
		}
	}
	return s, write, flows
}

func serviceNumber(i int) string { return fmt.Sprintf("service-%03d", i) }

// requireModified waits until each Envoy has rebuilt so many clusters since its start.
func (s *stage) requireModified(t testing.TB, n int) {
	t.Helper()
	s.everywhere(t, func(e *envoy) error {
		const name = "cluster_manager.cluster_modified"
		all, err := e.Stats(t.Context(), "^"+name+"$")
		if err == nil && all[name] != n {
			err = fmt.Errorf("%d clusters were rebuilt, want %d", all[name], n)
		}
		return err
	})
}

// Every cluster is rebuilt while requests go through it, some at a time.
func TestAPolicyGoesOutOver200ClustersUnderTrafficWithoutAFailedRequest(t *testing.T) {
	t.Parallel()
	const services = 200
	s, write, flows := policed(t, services, "10s")
	write("defaults: {connect_timeout: 7s, idle_timeout: 10m}\n")
	var seen *rollout
	eventually(t, func() error {
		if seen = s.legate.rollout(t); seen == nil {
			return fmt.Errorf("no rollout is under way")
		}
		return nil
	})
	if seen.Changed+seen.Waiting != services || seen.Waiting == 0 || seen.Paused != "" {
		t.Errorf("soon after it began: %+v", *seen)
	}
	s.requireModified(t, services)
	for _, f := range flows {
		f.goesOn(t)
	}
	if now := s.legate.rollout(t); now != nil {
		t.Errorf("in the end: %+v", *now)
	}
}

// The raw fields name a cipher that this Envoy does not have, which only Envoy can see. The first cluster that gets it
// is rejected, and no other one gets it. Envoy keeps the old cluster.
func TestAPolicyThatEnvoyRejectsGoesOutNoFurtherUntilItIsCorrected(t *testing.T) {
	t.Parallel()
	const services = 50
	s, write, flows := policed(t, services, "5s")
	write(`defaults: {connect_timeout: 7s, envoy: {transport_socket: {name: tls, typed_config: {
  "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext,
  common_tls_context: {tls_params: {cipher_suites: [NO-SUCH-SUITE]}}}}}}
`)
	var paused *rollout
	eventually(t, func() error {
		if paused = s.legate.rollout(t); paused == nil || paused.Paused == "" {
			return fmt.Errorf("no rollout is paused: %+v", paused)
		}
		return nil
	})
	if len(paused.Rejected) == 0 || paused.Remedy == "" || paused.Changed == services {
		t.Errorf("paused: %+v", *paused)
	}
	for _, f := range flows {
		f.goesOn(t)
	}
	if now := s.legate.rollout(t); now == nil || now.Changed != paused.Changed {
		t.Errorf("it went on, from %+v to %+v", *paused, now)
	}

	write("defaults: {connect_timeout: 8s}\n")
	eventually(t, func() error {
		if now := s.legate.rollout(t); now != nil {
			return fmt.Errorf("corrected, and not in force: %+v", *now)
		}
		return nil
	})
	s.everywhere(t, func(e *envoy) error {
		config, err := e.ConfigDump(t.Context())
		if err != nil {
			return err
		}
		if has := strings.Count(string(config), `"connect_timeout": "8s"`); has != services {
			return fmt.Errorf("%d clusters have the corrected policy", has)
		}
		return nil
	})
	for _, f := range flows {
		f.goesOn(t)
	}
}
