package admin

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
