package admin

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"legate/metrics"
)

// door is a running server with an action that counts its calls.
type door struct {
	*Server
	house *house
	calls int
	http  string // host:port
	unix  string // path
	from  string // source address on loopback; empty: any
}

func newDoor(t *testing.T, config Config) *door {
	t.Helper()
	h := healthy()
	d := &door{house: h}
	config.Bounds = DefaultConfig().Bounds
	var err error
	d.Server, err = New(config, Rooms{Consul: h, Bridge: h, XDS: h, LastKnown: shelf{h}, Stopping: func() bool { return false }, Own: func() []Trouble { return nil },
		Slowest: func() (time.Duration, time.Time) { return 0, time.Time{} }, Metrics: metrics.New(metrics.BuildInfo{}).Handler(), Actions: map[string]http.Handler{
			"/api/v1/change": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { d.calls++ }),
		}}, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "lg-")
	if err != nil {
		t.Fatal(err)
	}
	d.unix = filepath.Join(dir, "s")
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.http = tcp.Addr().String()
	socket, err := net.Listen("unix", d.unix)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx, tcp, socket) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	})
	return d
}

func (d *door) send(t *testing.T, network, method, path, token string) (int, string) {
	t.Helper()
	at := map[string]string{"tcp": d.http, "unix": d.unix}[network]
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		dialer := net.Dialer{}
		if network == "tcp" && d.from != "" {
			dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(d.from)}
		}
		return dialer.DialContext(ctx, network, at)
	}}}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://localhost"+path, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestOnlyTheSocketAndTheTokenAllowAChange(t *testing.T) {
	defer goleak.VerifyNone(t)
	t.Run("token", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "token")
		write := func(s string) {
			t.Helper()
			if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("s3cret\n")
		d := newDoor(t, Config{TokenFile: file})
		expect := func(network, method, token string, code, calls int) {
			t.Helper()
			got, body := d.send(t, network, method, "/api/v1/change", token)
			if got != code || d.calls != calls || strings.Contains(body, "s3cret") {
				t.Errorf("%s %s %q: %d, %d calls, want %d, %d: %s", method, network, token, got, d.calls, code, calls, body)
			}
		}
		expect("tcp", "POST", "", 401, 0)
		expect("tcp", "POST", "Bearer wrong", 401, 0)
		expect("tcp", "POST", "Bearer ", 401, 0)
		expect("tcp", "GET", "Bearer s3cret", 405, 0)
		expect("tcp", "POST", "Bearer s3cret", 200, 1)
		expect("unix", "POST", "", 200, 2)
		write("other")
		expect("tcp", "POST", "Bearer s3cret", 401, 2)
		expect("tcp", "POST", "Bearer other", 200, 3)
		write("") // a file that is being rewritten is empty at first: nobody gets in meanwhile
		expect("tcp", "POST", "Bearer ", 401, 3)
		expect("tcp", "POST", "Bearer other", 503, 3)
		expect("tcp", "POST", "", 401, 3)
	})
	t.Run("neither", func(t *testing.T) {
		d := newDoor(t, Config{})
		if code, body := d.send(t, "tcp", "POST", "/api/v1/change", "Bearer x"); code != 403 || !strings.Contains(body, "--admin-token-file") {
			t.Errorf("%d %s", code, body)
		}
		if code, _ := d.send(t, "unix", "GET", "/readyz", ""); code != 200 {
			t.Errorf("the socket does not show what the address shows: %d", code)
		}
	})
}

func TestATokenFileWithoutATokenFailsAtTheStart(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(empty, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{empty: "it is empty", "/no/such": "no such file"} {
		if _, err := New(Config{TokenFile: path}, Rooms{}, slog.New(slog.DiscardHandler), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestProfilesAreOffUnlessAskedForAndNeverTellTheCommandLine(t *testing.T) {
	for on, want := range map[bool]int{false: 404, true: 200} {
		d := newDoor(t, Config{Profiles: on})
		if code, _ := d.send(t, "tcp", "GET", "/debug/pprof/goroutine", ""); code != want {
			t.Errorf("profiles %v: %d", on, code)
		}
		if code, _ := d.send(t, "tcp", "GET", "/debug/pprof/cmdline", ""); code != 404 {
			t.Errorf("the command line, profiles %v: %d", on, code)
		}
	}
}

// A client that may scrape sees numbers: no catalog, no reasons, and nothing that changes anything.
func TestTheListenerForMonitoringShowsNumbersOnly(t *testing.T) {
	h := empty()
	handler := h.server().metricsHandler()
	ask := func(method, path string) (int, string) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w.Code, w.Body.String()
	}
	for path, want := range map[string]int{"/metrics": 200, "/healthz": 200, "/readyz": 503, "/": 404, "/api/v1/status": 404, "/debug/config_dump": 404, ReleasePath: 404} {
		if code, body := ask(http.MethodGet, path); code != want {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	if _, body := ask(http.MethodGet, "/readyz"); body != "not ready\n" {
		t.Errorf("%q", body)
	}
	if code, _ := ask(http.MethodPost, ReleasePath); code != 405 {
		t.Errorf("POST: %d", code)
	}
	h.state = healthy().state
	if code, body := ask(http.MethodGet, "/readyz"); code != 200 || body != "ready\n" {
		t.Errorf("%d %q", code, body)
	}
}
