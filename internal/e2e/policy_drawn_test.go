package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"legate/internal/parts"
	"legate/internal/policytest"
)

// drawnPolicies is how many policies the test draws; LEGATE_DRAWN_POLICIES says another number, and
// LEGATE_DRAWN_SEED draws others.
const drawnPolicies = 300

// TestARealEnvoyAcceptsEveryPolicyThatTheSchemaAllows: each service has a policy that was drawn from the
// schema. Envoy takes all of the clusters. What contradicts itself is refused by Legate, and never sent.
func TestARealEnvoyAcceptsEveryPolicyThatTheSchemaAllows(t *testing.T) {
	t.Parallel()
	n, seed := fromEnvironment(t, "LEGATE_DRAWN_POLICIES", drawnPolicies), fromEnvironment(t, "LEGATE_DRAWN_SEED", 1)
	certs, err := parts.NewCerts(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	draw := policytest.Drawer{Rand: rand.New(rand.NewPCG(uint64(seed), 1)), Texts: policytest.Texts(), Calm: true}
	if version := envoyVersion(t); version < 40 {
		draw.OneCheck = true
		if version < 38 {
			draw.Again = "1s"
		}
	}
	draw.Texts["tls.ca"], draw.Texts["tls.cert_file"], draw.Texts["tls.key_file"] = []string{certs.CAFile}, []string{certs.CertFile}, []string{certs.KeyFile}
	sds := t.TempDir()
	draw.Texts["tls.sds"] = []string{"client", writeSecret(t, sds, "certificate", "tls_certificate: {certificate_chain: {filename: %q}, private_key: {filename: %q}}", certs.CertFile, certs.KeyFile)}
	draw.Texts["tls.ca_sds"] = []string{"authorities", writeSecret(t, sds, "trusted", "validation_context: {trusted_ca: {filename: %q}}", certs.CAFile)}
	name := func(i int) string { return fmt.Sprintf("service-%04d", i) }
	file := filepath.Join(t.TempDir(), "policy.json")
	if err := os.WriteFile(file, draw.Rules(n, name, nil), 0o600); err != nil {
		t.Fatal(err)
	}

	s := newStage(t, parts.ConsulOptions{})
	b := s.backend(t, "any", "127.0.0.1:0")
	for i := range n {
		s.registerAs(t, parts.Instance{Service: name(i), Address: "127.0.0.1", Port: b.Port, Meta: map[string]string{"version": strconv.Itoa(i % 2)}, Tags: []string{"canary"}})
	}
	s.legate = startLegate(t, s.consul, "--policy", file)
	secrets := way{name: "delta", mode: "delta", edit: func(bootstrap object, _ *legate) {
		bootstrap["static_resources"].(object)["secrets"] = []any{
			object{"name": "client", "tls_certificate": object{"certificate_chain": object{"filename": certs.CertFile}, "private_key": object{"filename": certs.KeyFile}}},
			object{"name": "authorities", "validation_context": object{"trusted_ca": object{"filename": certs.CAFile}}},
		}
	}}
	e := startEnvoy(t, s.legate, secrets, name(0))
	s.envoys = append(s.envoys, e)

	has := func() error {
		clusters, err := e.Clusters(t.Context())
		if err != nil {
			return err
		}
		lacks := 0
		for i := range n {
			if len(clusters[name(i)].Endpoints) != 1 {
				lacks++
			}
		}
		if lacks > 0 && len(e.refused(t)) == 0 {
			return fmt.Errorf("%d of %d clusters lack their endpoint", lacks, n)
		}
		return nil
	}
	eventually(t, has)
	for why, services := range e.refused(t) {
		t.Errorf("envoy refuses %d clusters: %s\n%s", len(services), why, ruleOf(t, file, services[0]))
	}
	for _, stream := range s.legate.status(t).Streams {
		for _, kind := range stream.Types {
			if kind.Nacks > 0 {
				t.Errorf("envoy rejected %d responses of %s", kind.Nacks, kind.Type)
			}
		}
	}
}

// envoyVersion is the minor version of the tests' Envoy: 40 is 1.40.
func envoyVersion(t testing.TB) (minor int) {
	t.Helper()
	program := parts.EnvoyProgram()
	path, err := program.Find(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	says, err := program.Says(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(says, "1.%d.", &minor); err != nil {
		t.Fatalf("envoy says version %q: %v", says, err)
	}
	return minor
}

// refused are the clusters of services that Envoy has refused, by its reason, as its log says.
func (e *envoy) refused(t testing.TB) map[string][]string {
	t.Helper()
	log, err := os.ReadFile(e.Log())
	if err != nil {
		t.Fatal(err)
	}
	by := map[string][]string{}
	for _, found := range regexp.MustCompile(`(?m)(service-\d+): ([^\n]*)`).FindAllStringSubmatch(string(log), -1) {
		why, name := strings.ReplaceAll(found[2], found[1], "NAME"), found[1]
		if !slices.Contains(by[why], name) {
			by[why] = append(by[why], name)
		}
	}
	return by
}

// ruleOf is the rule of a service in a policy file of JSON.
func ruleOf(t testing.TB, file, service string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Services []json.RawMessage }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, rule := range all.Services {
		if strings.Contains(string(rule), strconv.Quote(service)) {
			return string(rule)
		}
	}
	return "no rule of " + service
}

func fromEnvironment(t testing.TB, key string, otherwise int) int {
	t.Helper()
	text, set := os.LookupEnv(key)
	if !set {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return n
}
