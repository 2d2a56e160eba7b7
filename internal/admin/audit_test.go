package admin

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"legate/internal/logtest"
)

// Who changes something is in the log, with what gave the permission; who may not is not said to have done it.
func TestWhoChangesSomethingIsLogged(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ network, token, want string }{
		{"tcp", "Bearer s3cret", `by=token peer=192.0.2.1:1234`},
		{"unix", "", `by="unix socket"`},
		{"tcp", "", ""},
		{"tcp", "Bearer guess", ""},
	} {
		log := &logtest.Buffer{}
		s, err := New(Config{TokenFile: token}, Rooms{Metrics: http.NotFoundHandler(), Actions: map[string]http.Handler{
			ReleasePath: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}}, slog.New(slog.NewTextHandler(log, nil)), nil)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "http://localhost"+ReleasePath+"?service=web", nil)
		if c.network == "unix" {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.UnixAddr{Name: "/run/s", Net: "unix"}))
		}
		r.Header.Set("Authorization", c.token)
		s.Handler().ServeHTTP(httptest.NewRecorder(), r)
		said := log.String()
		if (log.Count("an operator changes something") == 1) != (c.want != "") || !strings.Contains(said, c.want) || strings.Contains(said, "s3cret") ||
			c.want != "" && !strings.Contains(said, `path=`+ReleasePath+` query="service=web"`) {
			t.Errorf("%+v: %s", c, said)
		}
	}
}

// Over the socket, the log says which user it was, and which process.
func TestWhoChangesSomethingOverTheSocketIsLoggedWithItsUser(t *testing.T) {
	log := &logtest.Buffer{}
	s := healthy().server()
	s.log = slog.New(slog.NewTextHandler(log, nil))
	s.rooms.Actions = map[string]http.Handler{ReleasePath: ReleaseHolds(releaser{"web": 1})}
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	answer, err := client.Post("http://legate"+ReleasePath+"?service=web", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	want := fmt.Sprintf(`query="service=web" by="unix socket" peer="uid %d, pid %d"`, os.Getuid(), os.Getpid())
	if runtime.GOOS != "linux" {
		want = `by="unix socket"`
	}
	if answer.StatusCode != http.StatusOK || log.Count(want) != 1 {
		t.Errorf("%d, want %s in\n%s", answer.StatusCode, want, log)
	}
}
