package consul

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"legate/internal/logtest"
	"legate/internal/parts"
)

// rewriting writes files of which each is newer than the one before.
type rewriting struct {
	t  *testing.T
	at time.Time
}

func (r *rewriting) write(file string, content []byte) {
	r.t.Helper()
	must(r.t, os.WriteFile(file, content, 0o600))
	if r.at.IsZero() {
		r.at = time.Now()
	}
	r.at = r.at.Add(time.Second)
	must(r.t, os.Chtimes(file, r.at, r.at))
}

// issued are the files of an authority of its own.
func issued(t *testing.T) (c parts.Certs, ca, cert, key []byte) {
	t.Helper()
	c, err := parts.NewCerts(t.TempDir())
	must(t, err)
	for file, content := range map[string]*[]byte{c.CAFile: &ca, c.CertFile: &cert, c.KeyFile: &key} {
		*content, err = os.ReadFile(file)
		must(t, err)
	}
	return c, ca, cert, key
}

// unsaid are credentials of which the log hears nothing.
func unsaid() *credentials { return &credentials{log: slog.New(slog.DiscardHandler)} }

func httpsTo(t *testing.T, host string) address {
	t.Helper()
	a, err := parseAddress("https://"+host, "")
	must(t, err)
	return a
}

func TestAClientCertificateIsReadAgainWhenItChanges(t *testing.T) {
	own, ca, _, _ := issued(t)
	_, _, two, twoKey := issued(t)
	files := &rewriting{t: t}
	log := &logtest.Buffer{}
	config, err := tlsFor(httpsTo(t, "consul"), TLS{CertFile: own.CertFile, KeyFile: own.KeyFile}, &credentials{log: slog.New(slog.NewTextHandler(log, nil))})
	must(t, err)
	shown := func() string {
		c, err := config.GetClientCertificate(nil)
		must(t, err)
		return string(c.Certificate[0])
	}
	first := shown()
	files.write(own.CertFile, two)
	if again := shown(); again != first || shown() != first {
		t.Error("a certificate was shown without its key")
	}
	if n := log.Count("unusable"); n != 1 {
		t.Errorf("%d warnings", n)
	}
	files.write(own.KeyFile, twoKey)
	if shown() == first {
		t.Error("the new pair is not used")
	}
	files.write(own.KeyFile, ca) // no key at all
	if _, err := tlsFor(httpsTo(t, "consul"), TLS{CertFile: own.CertFile, KeyFile: own.KeyFile}, unsaid()); err == nil {
		t.Error("a pair that does not fit is no mistake at the start")
	}
}

// A Consul whose authority is replaced is trusted as soon as the file says so, and not before;
// what cannot be read takes nothing away.
func TestTheAuthoritiesOfConsulAreReadAgainWhenTheyChange(t *testing.T) {
	old, oldCA, _, _ := issued(t)
	renewed, renewedCA, _, _ := issued(t)
	serve := func(c parts.Certs) string {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		must(t, err)
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	before, after := serve(old), serve(renewed)
	for _, where := range []string{"file", "folder"} {
		t.Run(where, func(t *testing.T) {
			files := &rewriting{t: t}
			folder := t.TempDir()
			file := filepath.Join(folder, "ca.pem")
			files.write(file, oldCA)
			settings := TLS{CAFile: file}
			if where == "folder" {
				settings = TLS{CAPath: folder}
			}
			config, err := tlsFor(httpsTo(t, after), settings, unsaid())
			must(t, err)
			trusts := func(addr string) error {
				conn, err := tls.Dial("tcp", addr, config)
				if err == nil {
					conn.Close()
				}
				return err
			}
			must(t, trusts(before))
			if err := trusts(after); err == nil || !strings.Contains(err.Error(), "unknown authority") {
				t.Errorf("another authority is trusted: %v", err)
			}
			files.write(file, []byte("half of a fi"))
			must(t, trusts(before))
			files.write(file, renewedCA)
			must(t, trusts(after))
			if trusts(before) == nil {
				t.Error("the old authority is still trusted")
			}
		})
	}
}

func TestAuthoritiesVouchForOneNameOnly(t *testing.T) {
	own, _, _, _ := issued(t)
	pair, err := tls.LoadX509KeyPair(own.CertFile, own.KeyFile)
	must(t, err)
	for name, good := range map[string]bool{"localhost": true, "127.0.0.1": true, "[::1]": true, "consul.example": false, "127.0.0.2": false} {
		for settings, host := range map[TLS]string{{CAFile: own.CAFile}: name, {CAFile: own.CAFile, ServerName: name}: "elsewhere"} {
			config, err := tlsFor(httpsTo(t, host+":1"), settings, unsaid())
			must(t, err)
			if err := config.VerifyConnection(tls.ConnectionState{PeerCertificates: certificates(t, pair)}); (err == nil) != good {
				t.Errorf("%s with %+v: %v", host, settings, err)
			}
		}
	}
}

func certificates(t *testing.T, pair tls.Certificate) (chain []*x509.Certificate) {
	t.Helper()
	for _, der := range pair.Certificate {
		c, err := x509.ParseCertificate(der)
		must(t, err)
		chain = append(chain, c)
	}
	return chain
}
