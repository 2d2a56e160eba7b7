package e2e_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// authorityReplaced: the file of tls.ca is replaced, and Envoy believes the new authority. Nothing of it goes
// through Legate: the policy stays, and so does the cluster.
func authorityReplaced() policyStory {
	dir := ""
	var certificate atomic.Pointer[tls.Certificate]
	present := func(s signer, t *testing.T) { c := s.issue(t, "forge.internal"); certificate.Store(&c) }
	return policyStory{
		name:     "TLS: the file of ca is replaced",
		services: []string{"forge"},
		register: func(t *testing.T, s *stage) {
			dir = t.TempDir()
			first := newSigner(t)
			writePEM(t, filepath.Join(dir, "ca.pem"), first)
			present(first, t)
			s.registerServer(t, "forge", "forge-1", hangsUp("forge-1"), func(server *httptest.Server) {
				server.TLS = &tls.Config{
					GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate.Load(), nil },
					SessionTicketsDisabled: true,
				}
				server.Config.ErrorLog = log.New(io.Discard, "", 0)
			})
		},
		rules: func(*testing.T) string {
			return fmt.Sprintf("\n- match: {names: [forge]}\n  tls: {ca: %q, sni: forge.internal}\n", filepath.Join(dir, "ca.pem"))
		},
		show: func(t *testing.T, s *stage) {
			e := s.envoys[0]
			eventually(t, func() error { return e.answers("forge", "forge-1") })
			since := e.clusterSince(t, "forge")
			second := newSigner(t)
			present(second, t)
			if err := e.refuses("forge"); err != nil {
				t.Error(err)
			}
			writePEM(t, filepath.Join(dir, "ca.pem"), second)
			eventually(t, func() error { return e.answers("forge", "forge-1") })
			if now := e.clusterSince(t, "forge"); now != since {
				t.Errorf("the cluster of %s was rebuilt at %s", since, now)
			}
		},
	}
}

// mutualTLS: a backend demands a certificate. Envoy shows that of cert_file and key_file, and the next one when
// the files are replaced.
func mutualTLS() policyStory {
	dir := ""
	var believed atomic.Pointer[x509.CertPool]
	believe := func(s signer) {
		pool := x509.NewCertPool()
		pool.AddCert(s.cert)
		believed.Store(pool)
	}
	return policyStory{
		name:     "TLS: the backend demands a certificate, and the files are replaced",
		services: []string{"guild", "guild-strangers"},
		register: func(t *testing.T, s *stage) {
			dir = t.TempDir()
			first := newSigner(t)
			believe(first)
			writePEM(t, filepath.Join(dir, "ca.pem"), first)
			writeCertificate(t, dir, first.issue(t, "envoy.internal"))
			server := first.issue(t, "guild.internal")
			for _, service := range []string{"guild", "guild-strangers"} {
				s.registerServer(t, service, service+"-1", hangsUp(service+"-1"), func(b *httptest.Server) {
					b.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
						return &tls.Config{
							Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: believed.Load(),
							SessionTicketsDisabled: true,
						}, nil
					}}
					b.Config.ErrorLog = log.New(io.Discard, "", 0)
				})
			}
		},
		rules: func(*testing.T) string {
			return fmt.Sprintf(`
- match: {names: ["guild*"]}
  tls: {ca: %q, sni: guild.internal}
- match: {names: [guild]}
  tls: {cert_file: %q, key_file: %q}
`, filepath.Join(dir, "ca.pem"), filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
		},
		show: func(t *testing.T, s *stage) {
			e := s.envoys[0]
			eventually(t, func() error { return e.answers("guild", "guild-1") })
			if err := e.refuses("guild-strangers"); err != nil {
				t.Errorf("without a certificate: %v", err)
			}
			since := e.clusterSince(t, "guild")
			second := newSigner(t)
			believe(second)
			if err := e.refuses("guild"); err != nil {
				t.Errorf("with a certificate of an authority that is believed no more: %v", err)
			}
			writeCertificate(t, dir, second.issue(t, "envoy.internal"))
			eventually(t, func() error { return e.answers("guild", "guild-1") })
			if now := e.clusterSince(t, "guild"); now != since {
				t.Errorf("the cluster of %s was rebuilt at %s", since, now)
			}
		},
	}
}

// hangsUp answers each request with the text and closes the connection, so that each needs a handshake.
func hangsUp(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		fmt.Fprint(w, text)
	}
}

// writeCertificate writes tls.crt and tls.key, each by a rename: the key first, as the certificate alone does
// not fit the old one.
func writeCertificate(t *testing.T, dir string, c tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	replaceFile(t, filepath.Join(dir, "tls.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	replaceFile(t, filepath.Join(dir, "tls.crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})))
}

// clusterSince is when Envoy took over the cluster as it is.
func (e *envoy) clusterSince(t *testing.T, name string) (since string) {
	t.Helper()
	var dump struct {
		Configs []struct {
			LastUpdated string `json:"last_updated"`
			Cluster     struct{ Name string }
		}
	}
	eventually(t, func() error {
		text, err := e.Get(t.Context(), "/config_dump?resource=dynamic_active_clusters")
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &dump)
	})
	for _, c := range dump.Configs {
		if c.Cluster.Name == name {
			return c.LastUpdated
		}
	}
	t.Fatalf("envoy has no cluster %s", name)
	return ""
}
