package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"legate/internal/parts"
)

// Certificates are renewed while Envoy runs, its own and the authority of Legate's. It picks them
// up from disk.
func TestAnEnvoyTakesOverRenewedCertificates(t *testing.T) {
	for name, renew := range map[string]func(t testing.TB, s signer, dir, name string){
		"each file is renamed into its place": renew,
		"the link to their folder is swapped": swap, // as with mounted secrets
	} {
		t.Run(name, func(t *testing.T) { takesOver(t, renew) })
	}
}

func takesOver(t *testing.T, renew func(t testing.TB, s signer, dir, name string)) {
	t.Parallel()
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "web", "web-1", 1)
	first := newSigner(t)
	server, client := t.TempDir(), t.TempDir()
	renew(t, first, server, "localhost")
	renew(t, first, client, "edge-1")
	l := startLegate(t, s.consul, "--tls-cert", filepath.Join(server, "cert.pem"), "--tls-key", filepath.Join(server, "key.pem"), "--tls-client-ca", filepath.Join(server, "ca.pem"))
	e := startEnvoyAt(t, "delta", "web", "--xds-address", l.XDS,
		"--ca-file", filepath.Join(client, "ca.pem"), "--cert-file", filepath.Join(client, "cert.pem"), "--key-file", filepath.Join(client, "key.pem"),
		"--sds-dir", filepath.Join(client, "sds"))
	eventually(t, func() error { return e.answers("web", "web-1") })
	comesAs := func(name string) {
		t.Helper()
		eventually(t, func() error {
			status, err := l.get("/api/v1/status")
			if err == nil && !strings.Contains(string(status), fmt.Sprintf(`"identity": %q`, name)) {
				err = fmt.Errorf("no stream of %s", name)
			}
			return err
		})
	}
	comesAs("edge-1")

	renew(t, first, client, "edge-2")
	eventually(t, func() error {
		certs, err := e.Get(t.Context(), "/certs")
		if err == nil && !strings.Contains(string(certs), "edge-2") {
			err = fmt.Errorf("envoy has not taken over its new certificate:\n%s", certs)
		}
		return err
	})
	l.stop(t) // so that Envoy must reconnect
	l.launch(t)
	l.awaitReady(t)
	comesAs("edge-2")

	// A new authority for both sides: Legate's files are read again, too.
	second := newSigner(t)
	renew(t, second, client, "edge-3")
	renew(t, second, server, "localhost")
	l.stop(t)
	l.launch(t)
	l.awaitReady(t)
	comesAs("edge-3")
	s.register(t, "web", "web-2", 1)
	eventually(t, func() error { return e.answers("web", "web-1", "web-2") })
}

// signer is an authority.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newSigner(t testing.TB) signer {
	t.Helper()
	s := signer{key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	s.cert = s.sign(t, template, template, s.key)
	return s
}

func (s signer) sign(t testing.TB, template, parent *x509.Certificate, of *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, of.Public(), s.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// leaf makes a certificate for both ends of connections to 127.0.0.1 and to the names.
func (s signer) leaf(t testing.TB, key *ecdsa.PrivateKey, names ...string) *x509.Certificate {
	t.Helper()
	return s.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, s.cert, key)
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// swap makes a certificate for the name in a new folder, and points the folder's link to it. The
// files themselves are links through that link.
func swap(t testing.TB, s signer, dir, name string) {
	t.Helper()
	made, err := os.MkdirTemp(dir, "..made-")
	if err != nil {
		t.Fatal(err)
	}
	renew(t, s, made, name)
	link := filepath.Join(dir, "..data")
	if err = os.Symlink(filepath.Base(made), link+".new"); err == nil {
		err = os.Rename(link+".new", link)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"ca.pem", "cert.pem", "key.pem"} {
		if err := os.Symlink(filepath.Join("..data", file), filepath.Join(dir, file)); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
}

// renew replaces the certificate for the name, its key and its authority by renames.
func renew(t testing.TB, s signer, dir, name string) {
	t.Helper()
	key := newKey(t)
	cert := s.leaf(t, key, name)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		name, kind string
		der        []byte
	}{{"ca.pem", "CERTIFICATE", s.cert.Raw}, {"cert.pem", "CERTIFICATE", cert.Raw}, {"key.pem", "PRIVATE KEY", private}} {
		path := filepath.Join(dir, f.name)
		if err := os.WriteFile(path+".new", pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der}), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
}
