package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"legate/internal/parts"
)

// policyStory shows what a group of the policy's fields does to requests through a real Envoy.
type policyStory struct {
	name     string
	services []string                                // that Envoy has a listener for
	register func(t *testing.T, s *stage)            // before Legate and Envoy start
	rules    func(t *testing.T) string               // of the policy file
	chains   map[string]func(t *testing.T, c object) // change the filter chain of a service's listener
	show     func(t *testing.T, s *stage)
	last     bool // it disturbs the others
}

// TestEachGroupOfThePolicyDoesWhatItSays: one Consul, one Legate with one policy file, one Envoy. Each
// story has services of its own.
func TestEachGroupOfThePolicyDoesWhatItSays(t *testing.T) {
	t.Parallel()
	stories := []policyStory{
		grpcAndHTTP2(), tlsByNames(), tlsRenewed(), authorityReplaced(), mutualTLS(), circuitBreaker(), outlierEjection(), activeChecks(),
		leastRequest(), slowStart(), canary(), closedConnections(), serviceDefaults(), ringHash(),
	}
	s := newStage(t, parts.ConsulOptions{})
	var services []string
	rules := "services:\n"
	for _, story := range stories {
		story.register(t, s)
		services = append(services, story.services...)
		rules += story.rules(t)
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	s.legate = startLegate(t, s.consul, "--policy", file)
	s.envoys = append(s.envoys, startEnvoy(t, s.legate, way{name: "edge", mode: "delta", cds: true, edit: func(b object, _ *legate) {
		for _, story := range stories {
			for service, change := range story.chains {
				change(t, chainOf(t, b, service))
			}
		}
	}}, services...))
	s.envoys[0].client.Timeout = patience // requests are held, and the machine may be busy

	t.Run("side by side", func(t *testing.T) {
		for _, story := range stories {
			if !story.last {
				t.Run(story.name, func(t *testing.T) { t.Parallel(); story.show(t, s) })
			}
		}
	})
	for _, story := range stories {
		if story.last {
			t.Run(story.name, func(t *testing.T) { story.show(t, s) })
		}
	}
	for _, problem := range s.legate.status(t).Problems {
		t.Errorf("problem %s of %s", problem.Reason, problem.Service)
	}
	if n := s.envoys[0].stat(t, "cluster_manager.cds.update_rejected"); n > 0 {
		t.Errorf("envoy rejected %d updates of clusters", n)
	}
}

// chainOf is the filter chain of a service's listener in a bootstrap.
func chainOf(t *testing.T, bootstrap object, service string) object {
	t.Helper()
	for _, l := range bootstrap["static_resources"].(object)["listeners"].([]any) {
		if strings.HasPrefix(l.(object)["name"].(string), service+"@") {
			return l.(object)["filter_chains"].([]any)[0].(object)
		}
	}
	t.Fatalf("the bootstrap has no listener for %s", service)
	return nil
}

// httpOf is the HTTP connection manager of a filter chain.
func httpOf(chain object) object {
	return chain["filters"].([]any)[0].(object)["typed_config"].(object)
}

// registerServer starts a server for an instance, which ends with the test, and registers the instance.
func (s *stage) registerServer(t *testing.T, service, instance string, handler http.HandlerFunc, edit func(*httptest.Server)) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	start := server.Start
	if edit != nil {
		edit(server)
	}
	if server.TLS != nil {
		start = server.StartTLS
	}
	start()
	t.Cleanup(server.Close)
	s.registerAt(t, service, instance, server.Listener.Addr().String())
	return server
}

// registerAt registers an instance that listens there.
func (s *stage) registerAt(t *testing.T, service, instance, addr string) {
	t.Helper()
	var port int
	if _, err := fmt.Sscan(portOf(addr), &port); err != nil {
		t.Fatal(err)
	}
	s.registerAs(t, parts.Instance{ID: instance, Service: service, Address: "127.0.0.1", Port: port})
}

// registerSome registers instances with backends, named service-1 and so on.
func (s *stage) registerSome(t *testing.T, service string, n int) {
	t.Helper()
	for i := range n {
		s.register(t, service, fmt.Sprintf("%s-%d", service, i+1), 1)
	}
}

// says answers each request with the text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

// fixed is a rule that depends on nothing.
func fixed(rules string) func(*testing.T) string {
	return func(*testing.T) string { return rules }
}

// reaches returns an error unless one of Envoy's numbers is at least n.
func (e *envoy) reaches(t *testing.T, stat string, n int) error {
	t.Helper()
	if got := e.stat(t, stat); got < n {
		return fmt.Errorf("%s is %d, want at least %d", stat, got, n)
	}
	return nil
}
