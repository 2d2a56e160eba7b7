package e2e_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"legate/internal/parts"
)

// TestAFileThatIsMissingHarmsOneServiceAlone: on Envoy's machine, the file of one service's authority is missing.
// Envoy rejects that secret; no other service waits for it. When the file is there, Envoy takes it by itself. The
// same goes for a file with nonsense in it.
func TestAFileThatIsMissingHarmsOneServiceAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	dir := t.TempDir()
	authority := newSigner(t)
	rules := "services:\n"
	at := func(service string) string { return filepath.Join(dir, service+".pem") }
	services := []string{"lacking", "garbled", "sound"}
	for _, service := range services {
		certificate := authority.issue(t, service)
		s.registerServer(t, service, service+"-1", hangsUp(service+"-1"), func(b *httptest.Server) {
			b.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			b.Config.ErrorLog = log.New(io.Discard, "", 0)
		})
		rules += fmt.Sprintf("- {match: {names: [%s]}, tls: {ca: %q, sni: %[1]s}}\n", service, at(service))
	}
	writePEM(t, at("sound"), authority)
	replaceFile(t, at("garbled"), "nonsense")
	s.registerSome(t, "plain", 1)
	file := filepath.Join(t.TempDir(), "policy.yaml")
	replaceFile(t, file, rules)
	s.legate = startLegate(t, s.consul, "--policy", file)
	for _, w := range []way{adsDelta, adsSotW, cdsDelta, cdsSotW} {
		s.envoys = append(s.envoys, startEnvoy(t, s.legate, w, append(services, "plain")...))
	}
	for _, e := range s.envoys {
		for _, service := range []string{"sound", "plain"} {
			eventually(t, func() error { return e.answers(service, service+"-1") })
		}
		for _, service := range []string{"lacking", "garbled"} {
			if err := e.refuses(service); err != nil {
				t.Errorf("%s: %v", e.way.name, err)
			}
		}
		if n := e.stat(t, "cluster_manager.cds.update_rejected"); n > 0 {
			t.Errorf("%s: %d updates of clusters are rejected", e.way.name, n)
		}
	}
	for _, service := range []string{"lacking", "garbled"} {
		eventually(t, func() error { return s.rejectsSecret(t, "ca:"+at(service), len(s.envoys)) })
	}

	for _, service := range []string{"lacking", "garbled"} {
		writePEM(t, at(service), authority)
		for _, e := range s.envoys {
			eventually(t, func() error { return e.answers(service, service+"-1") })
		}
	}

	// A cluster that changes has its secret already, or gets another one, or one that was gone: it waits for none.
	for n, tls := range []string{
		fmt.Sprintf("ca: %q, sni: sound", at("sound")),
		fmt.Sprintf("ca: %q, sni: sound", at("garbled")),
		"enabled: false",
		fmt.Sprintf("ca: %q, sni: sound", at("sound")),
	} {
		replaceFile(t, file, rules+fmt.Sprintf("- {match: {names: [sound]}, connect_timeout: %ds, tls: {%s}}\n", n+1, tls))
		for _, e := range s.envoys {
			eventually(t, func() error { return e.hasTimeout("sound", n+1) })
			if !strings.HasPrefix(tls, "ca") {
				continue
			}
			if err := e.answers("sound", "sound-1"); err != nil {
				t.Errorf("%s, with %s: %v", e.way.name, tls, err)
			}
		}
	}
	for _, e := range s.envoys {
		stats, err := e.Stats(t.Context(), "init_fetch_timeout$")
		if err != nil {
			t.Fatal(err)
		}
		for name, n := range stats {
			if n > 0 {
				t.Errorf("%s: %s is %d", e.way.name, name, n)
			}
		}
	}
}

// hasTimeout returns an error unless Envoy uses the cluster with that connect timeout, in seconds.
func (e *envoy) hasTimeout(cluster string, seconds int) error {
	text, err := e.Get(context.Background(), "/config_dump?resource=dynamic_active_clusters&name_regex=^"+cluster+"$")
	if err != nil {
		return err
	}
	if want := fmt.Sprintf(`"connect_timeout": "%ds"`, seconds); !strings.Contains(string(text), want) {
		return fmt.Errorf("there is no %s in %s", want, text)
	}
	return nil
}

// rejectsSecret returns an error unless that many Envoys reject a secret, as Legate's page says.
func (s *stage) rejectsSecret(t *testing.T, name string, envoys int) error {
	t.Helper()
	page, err := s.legate.get("/")
	if err != nil {
		return err
	}
	for _, want := range []string{fmt.Sprint(envoys, " Envoys reject"), "secrets of " + name} {
		if !strings.Contains(string(page), want) {
			return fmt.Errorf("the page does not say %q", want)
		}
	}
	return nil
}
