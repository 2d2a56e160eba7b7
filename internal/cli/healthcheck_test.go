package cli

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"legate/internal/parts"
)

// saying is a Legate that says this when it is asked whether it is ready.
func saying(code int, words string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			fmt.Fprintln(w, "ok")
		case "/readyz":
			w.WriteHeader(code)
			fmt.Fprintln(w, words)
		default:
			http.NotFound(w, r)
		}
	})
}

// at serves a handler on a listener until the test ends.
func at(t *testing.T, l net.Listener, config *tls.Config, h http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	_ = s.Listener.Close() // its own
	s.Listener = l
	if s.TLS = config; config != nil {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return l.Addr().String()
}

func listenOn(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAHealthCheckSaysWhetherLegateIsReadyAndWhyNot(t *testing.T) {
	ready := at(t, listenOn(t, "tcp", "127.0.0.1:0"), nil, saying(http.StatusOK, "ready"))
	const why = "not ready: consul at http://127.0.0.1:8500: connection refused: start Consul"
	waiting := at(t, listenOn(t, "tcp", "127.0.0.1:0"), nil, saying(http.StatusServiceUnavailable, why))
	_, port, _ := net.SplitHostPort(ready)
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		want result
	}{
		"by a flag":                {nil, []string{"--admin-listen", ready}, result{0, "ready\n", ""}},
		"by the environment":       {map[string]string{"LEGATE_ADMIN_LISTEN": ready}, nil, result{0, "ready\n", ""}},
		"by the file":              {nil, []string{"--config", file(t, "legate.yaml", "consul: {addr: '127.0.0.1:1'}\nadmin: {listen: '"+ready+"'}\n")}, result{0, "ready\n", ""}},
		"it listens everywhere":    {nil, []string{"--admin-listen", "0.0.0.0:" + port}, result{0, "ready\n", ""}},
		"it is not ready":          {nil, []string{"--admin-listen", waiting}, result{1, "", "legate: ask legate at " + waiting + ": " + why + "\n"}},
		"not ready, but it is up":  {nil, []string{"--admin-listen", waiting, "--alive"}, result{0, "ok\n", ""}},
		"a mistake in the setting": {map[string]string{"LEGATE_CONFIG": "/nowhere"}, nil, result{2, "", "legate: --config \"/nowhere\": no such file or directory: give the path of a readable YAML file\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := legate(t, c.env, append([]string{"healthcheck"}, c.args...)...); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAHealthCheckOfALegateThatDoesNotRunSaysWhereItLooked(t *testing.T) {
	gone := listenOn(t, "tcp", "127.0.0.1:0")
	_ = gone.Close()
	r := legate(t, nil, "healthcheck", "--admin-listen", gone.Addr().String())
	if r.code != 1 || r.out != "" || !strings.Contains(r.err, gone.Addr().String()) || !strings.Contains(r.err, "does it run there?") || !strings.Contains(r.err, "--config") {
		t.Errorf("%+v", r)
	}
}

// Of the listeners it takes one that asks for no certificate.
func TestAHealthCheckNeedsNoCertificate(t *testing.T) {
	dir := t.TempDir()
	certs, err := parts.NewCerts(dir)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(certs.CertFile, certs.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	anybody := &tls.Config{Certificates: []tls.Certificate{pair}}
	known := anybody.Clone()
	known.ClientAuth, known.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	ready := saying(http.StatusOK, "ready")
	open := at(t, listenOn(t, "tcp", "127.0.0.1:0"), anybody, ready)
	closed := at(t, listenOn(t, "tcp", "127.0.0.1:0"), known, ready)
	metrics := at(t, listenOn(t, "tcp", "127.0.0.1:0"), nil, ready)
	at(t, listenOn(t, "unix", filepath.Join(dir, "own.sock")), nil, ready)
	at(t, listenOn(t, "unix", filepath.Join(dir, "admin.sock")), nil, ready)

	with := []string{"healthcheck", "--admin-tls-cert", certs.CertFile, "--admin-tls-key", certs.KeyFile}
	asks := slices.Concat(with, []string{"--admin-tls-client-ca", certs.CAFile, "--admin-listen", closed})
	for name, args := range map[string][]string{
		"a certificate of whatever name": slices.Concat(with, []string{"--admin-listen", open}),
		"the socket":                     slices.Concat(asks, []string{"--admin-socket", filepath.Join(dir, "own.sock")}),
		"the socket in the state folder": slices.Concat(asks, []string{"--state-dir", dir}),
		"the metrics listener":           slices.Concat(asks, []string{"--metrics-listen", metrics}),
		"an admin listener on a socket":  {"healthcheck", "--admin-listen", "unix://" + filepath.Join(dir, "own.sock")},
	} {
		if got := legate(t, nil, args...); got != (result{0, "ready\n", ""}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if r := legate(t, nil, asks...); r.code != 2 || !strings.Contains(r.err, "--metrics-listen") {
		t.Errorf("%+v, want a remedy", r)
	}
}
