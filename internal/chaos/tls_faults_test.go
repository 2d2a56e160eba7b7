package chaos_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// authority issues certificates for Consul, always into the same files.
type authority struct {
	key            *ecdsa.PrivateKey
	template       *x509.Certificate
	caFile         string
	certFile, leaf string
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	a := &authority{key: key, caFile: filepath.Join(dir, "ca.pem"), certFile: filepath.Join(dir, "cert.pem"), leaf: filepath.Join(dir, "key.pem"),
		template: &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "legate chaos"},
			NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}}
	der, err := x509.CreateCertificate(rand.Reader, a.template, a.template, key.Public(), key)
	must(t, err)
	writePEM(t, a.caFile, "CERTIFICATE", der)
	a.issue(t, time.Now().Add(24*time.Hour))
	return a
}

// issue replaces the certificate by one that is valid until then.
func (a *authority) issue(t testing.TB, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "consul"},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.template, key.Public(), a.key)
	must(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	writePEM(t, a.certFile, "CERTIFICATE", der)
	writePEM(t, a.leaf, "PRIVATE KEY", keyDER)
}

func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// newTLSScene has one server that Legate uses over HTTPS.
func newTLSScene(t *testing.T) *scene {
	a := newAuthority(t)
	c := partstest.Consul(t, parts.ConsulOptions{Persistent: true, HTTPS: true, Node: "one",
		HCL: fmt.Sprintf("tls { https { ca_file = %q cert_file = %q key_file = %q } }", a.caFile, a.certFile, a.leaf)})
	s := &scene{consul: c, servers: []*parts.Consul{c}, authority: a}
	s.wire = newWire(t, "127.0.0.1:0", c.HTTPSAddr)
	s.populate(t)
	s.serve(t, "--consul-addr", "https://"+s.wire.addr(), "--consul-ca-file", a.caFile)
	return s
}

func tlsFaults() []fault {
	return []fault{
		{name: "TLS certificate expired", how: "Consul reloads with a certificate that ended an hour ago, connections are cut; a good one after 15 s", do: func(t *testing.T, s *scene) {
			s.authority.issue(t, time.Now().Add(-time.Hour))
			must(t, errors.Join(s.consul.Client().Agent().Reload()))
			s.wire.cut(t)
			s.wire.mend(t)
			hold(15 * time.Second)
			s.authority.issue(t, time.Now().Add(24*time.Hour))
			must(t, s.consul.Client().Agent().Reload())
		}},
		{name: "HTTP/2 connection half-open", how: "toxiproxy: nothing of what Consul says arrives on the one connection of all queries, for 20 s", do: func(t *testing.T, s *scene) {
			s.wire.poison(t, "timeout", false, `"timeout":0`)
			hold(20 * time.Second)
			s.wire.cure()
		}},
	}
}
