package e2e_test

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// tlsByNames: Envoy believes a certificate of the authority with the right name. It does not believe one with
// another name, without a name, or of another authority. Without the group tls, Envoy speaks plaintext, and no
// request is answered; without sni, all but the stranger's are.
func tlsByNames() policyStory {
	dir := ""
	return policyStory{
		name:     "TLS: the right name, a wrong one, none, another authority",
		services: []string{"vault", "vault-wrong", "vault-nameless", "vault-stranger", "ledger", "ledger-wrong", "safe", "safe-wrong"},
		register: func(t *testing.T, s *stage) {
			dir = t.TempDir()
			own, strange := newSigner(t), newSigner(t)
			writePEM(t, filepath.Join(dir, "ca.pem"), own)
			for service, certificate := range map[string]tls.Certificate{
				"vault":          own.issue(t, "vault.internal"),
				"vault-wrong":    own.issue(t, "other.internal"),
				"vault-nameless": own.issue(t),
				"vault-stranger": strange.issue(t, "vault.internal"),
				"ledger":         own.issue(t, "eu.ledger.internal"),
				"ledger-wrong":   own.issue(t, "ledger.internal.example"),
				"safe":           own.issue(t, "safe.internal"),
				"safe-wrong":     own.issue(t, "other.internal"),
			} {
				s.registerServer(t, service, service+"-1", says(service), func(server *httptest.Server) {
					server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
					server.Config.ErrorLog = log.New(io.Discard, "", 0)
				})
			}
		},
		rules: func(t *testing.T) string {
			return fmt.Sprintf(`
- match: {names: ["vault*"]}
  tls: {ca: %[1]q, sni: vault.internal}
- match: {names: ["ledger*"]}
  tls: {ca: %[1]q, sans: ["*.ledger.internal"], min_version: "1.3"}
- match: {names: ["safe*"]}
  tls: {ca_sds: %[2]q, sni: safe.internal}
`, filepath.Join(dir, "ca.pem"), writeSecret(t, dir, "own", "validation_context: {trusted_ca: {filename: %q}}", filepath.Join(dir, "ca.pem")))
		},
		show: func(t *testing.T, s *stage) {
			e := s.envoys[0]
			eventually(t, func() error { return e.answers("vault", "vault") })
			eventually(t, func() error { return e.answers("ledger", "ledger") })
			eventually(t, func() error { return e.answers("safe", "safe") })
			for service, stat := range map[string]string{
				"vault-wrong": "fail_verify_san", "vault-nameless": "fail_verify_san", "ledger-wrong": "fail_verify_san",
				"safe-wrong":     "fail_verify_san",
				"vault-stranger": "fail_verify_error",
			} {
				if err := e.refuses(service); err != nil {
					t.Error(err)
				}
				if err := e.reaches(t, "cluster."+service+".ssl."+stat, 1); err != nil {
					t.Error(err)
				}
			}
		},
	}
}

// tlsRenewed: the authority's file is replaced, and Envoy believes the new one. Nothing of it goes through
// Legate.
func tlsRenewed() policyStory {
	dir := ""
	var certificate atomic.Pointer[tls.Certificate]
	present := func(s signer, t *testing.T) { c := s.issue(t, "mint.internal"); certificate.Store(&c) }
	return policyStory{
		name:     "TLS: the authority's file is replaced",
		services: []string{"mint"},
		register: func(t *testing.T, s *stage) {
			dir = t.TempDir()
			first := newSigner(t)
			writePEM(t, filepath.Join(dir, "ca.pem"), first)
			present(first, t)
			writeSecret(t, dir, "authorities", "validation_context: {trusted_ca: {filename: %q}, watched_directory: {path: %q}}", filepath.Join(dir, "ca.pem"), dir)
			s.registerServer(t, "mint", "mint-1", hangsUp("mint-1"), func(server *httptest.Server) {
				server.TLS = &tls.Config{
					GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate.Load(), nil },
					SessionTicketsDisabled: true,
				}
				server.Config.ErrorLog = log.New(io.Discard, "", 0)
			})
		},
		rules: func(*testing.T) string {
			return fmt.Sprintf(`
- match: {names: [mint]}
  tls: {ca_sds: %q, sni: mint.internal, sans: [mint.internal]}
`, filepath.Join(dir, "authorities.yaml"))
		},
		show: func(t *testing.T, s *stage) {
			e := s.envoys[0]
			eventually(t, func() error { return e.answers("mint", "mint-1") })
			second := newSigner(t)
			present(second, t)
			if err := e.refuses("mint"); err != nil {
				t.Error(err)
			}
			writePEM(t, filepath.Join(dir, "ca.pem"), second)
			eventually(t, func() error { return e.answers("mint", "mint-1") })
		},
	}
}

// issue makes a certificate for a server with these names.
func (s signer) issue(t testing.TB, names ...string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	return tls.Certificate{Certificate: [][]byte{s.leaf(t, key, names...).Raw}, PrivateKey: key}
}

// writeSecret writes a file for Envoy's SDS with a secret of this name, and returns its path.
func writeSecret(t *testing.T, dir, name, content string, args ...any) (file string) {
	t.Helper()
	file = filepath.Join(dir, name+".yaml")
	replaceFile(t, file, fmt.Sprintf(`resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: %s
  %s
`, name, fmt.Sprintf(content, args...)))
	return file
}

// writePEM writes the authority's certificate by a rename.
func writePEM(t *testing.T, file string, s signer) {
	t.Helper()
	replaceFile(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.cert.Raw})))
}
