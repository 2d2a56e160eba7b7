package e2e_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// Over mTLS an Envoy gets the same as over plaintext. One without a certificate, or with one from
// another authority, gets nothing, and Legate says so.
func TestOverMTLSOnlyEnvoysWithAnAllowedCertificateAreServed(t *testing.T) {
	s := newStage(t, parts.ConsulOptions{})
	s.register(t, "web", "web-1", 1)
	own, strange := newCerts(t), newCerts(t)
	l := startLegate(t, s.consul, "--tls-cert", own.CertFile, "--tls-key", own.KeyFile, "--tls-client-ca", own.CAFile, "--tls-allowed-san", "local*")

	for _, mode := range []string{"delta", "sotw", "rest"} {
		e := startEnvoyTLS(t, l, mode, "--ca-file", own.CAFile, "--cert-file", own.CertFile, "--key-file", own.KeyFile)
		eventually(t, func() error { return e.answers("web", "web-1") })
	}
	identified := func() error {
		status, err := l.get("/api/v1/status")
		if err != nil {
			return err
		}
		if !strings.Contains(string(status), `"identity": "localhost"`) {
			return errors.New("the status names no identity")
		}
		return nil
	}
	eventually(t, identified)

	for name, args := range map[string][]string{
		"without a certificate":   {"--ca-file", own.CAFile},
		"with a stranger's":       {"--ca-file", own.CAFile, "--cert-file", strange.CertFile, "--key-file", strange.KeyFile},
		"that trusts a stranger":  {"--ca-file", strange.CAFile, "--cert-file", own.CertFile, "--key-file", own.KeyFile},
		"that expects other name": {"--ca-file", own.CAFile, "--cert-file", own.CertFile, "--key-file", own.KeyFile, "--server-name", "other.internal"},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEnvoyTLS(t, l, "delta", args...)
			eventually(t, func() error {
				if n := e.stat(t, "cluster_manager.cds.update_failure"); n == 0 {
					return errors.New("envoy has not tried yet")
				}
				return nil
			})
			if _, err := e.endpoints("web"); err == nil {
				t.Error("it was served")
			}
		})
	}
	metrics, err := l.get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(metrics), `legate_xds_refused_total{limit="handshake"} 0`) {
		t.Error("no refused handshake is counted")
	}
	ends := endOf(t, own.CertFile)
	for _, line := range []string{
		fmt.Sprintf(`legate_certificate_expiry_timestamp_seconds{listener="xds"} %s`, strconv.FormatFloat(float64(ends.Unix()), 'g', -1, 64)),
		`legate_certificate_expiry_timestamp_seconds{listener="admin"} 0`,
	} {
		if !strings.Contains(string(metrics), line) {
			t.Errorf("/metrics lacks %q", line)
		}
	}
}

func newCerts(t testing.TB) parts.Certs {
	t.Helper()
	c, err := parts.NewCerts(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// startEnvoyTLS starts an Envoy with a listener for the service web and a bootstrap with args.
func startEnvoyTLS(t testing.TB, l *legate, mode string, args ...string) *envoy {
	t.Helper()
	port, xds := freePorts(t, 1)[0], l.XDS
	if mode == "rest" {
		xds = l.rest
	}
	args = append([]string{"bootstrap", "envoy", "--mode", mode, "--node-id", "tls-" + mode, "--xds-address", xds, "--route", fmt.Sprintf("%d=web", port)}, args...)
	e := &envoy{way: way{name: mode}, ports: map[string]int{"web": port}, client: newClient(t)}
	// With nothing to serve, Envoy gives up soon, not after 15 s.
	text := bytes.Replace(program.Output(t, args...), []byte("    ads: {}"), []byte("    initial_fetch_timeout: 1s\n    ads: {}"), 1)
	e.Envoy = partstest.Envoy(t, parts.EnvoyOptions{Bootstrap: text})
	return e
}

// endOf returns when the certificate in the file expires.
func endOf(t testing.TB, file string) time.Time {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert.NotAfter
}
