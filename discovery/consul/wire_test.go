package consul

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"

	"legate/discovery/catalog"
	"legate/internal/consultest"
)

func TestWhatLeavesIsWhatTheConfigSays(t *testing.T) {
	var got *http.Request
	cfg := DefaultConfig()
	cfg.Address = "http://proxy.example/prefix"
	cfg.Token, cfg.HTTPAuth = "secret", HTTPAuth{"user", "pass"}
	cfg.Namespace, cfg.Partition, cfg.Datacenter = "team", "part", "dc7"
	c, err := New(cfg, slog.New(slog.DiscardHandler), roundTrip(func(r *http.Request) (*http.Response, error) {
		got = r
		return consultest.Answer(200, 5, "[]"), nil
	}))
	must(t, err)
	if _, _, err := c.Health(t.Context(), catalog.ServiceKey{Name: "a/.. b?%"}, Question{Consistent: true}); err != nil {
		t.Fatal(err)
	}
	if path, want := got.URL.EscapedPath(), "/prefix/v1/health/service/a%2F%2E%2E%20b%3F%25"; path != want {
		t.Errorf("path %s, want %s", path, want)
	}
	if q, want := got.URL.Query().Encode(), "consistent=&dc=dc7&ns=team&partition=part"; q != want {
		t.Errorf("query %s, want %s", q, want)
	}
	user, pass, _ := got.BasicAuth()
	if got.URL.Host != "proxy.example:80" || got.Header.Get("X-Consul-Token") != "secret" || user != "user" || pass != "pass" {
		t.Errorf("host %s, header %v", got.URL.Host, got.Header)
	}
}

func TestAnAnswerThatIsNoneHasAKind(t *testing.T) {
	page := func(code int, body string) roundTrip {
		return func(*http.Request) (*http.Response, error) { return consultest.Answer(code, 5, body), nil }
	}
	for _, c := range []struct {
		name string
		next roundTrip
		kind Failure
		says string
	}{
		{"closed connection", func(*http.Request) (*http.Response, error) { return nil, fmt.Errorf("read: %w", io.EOF) }, Unreachable, "closed"},
		{"empty", page(200, ""), Garbage, "EOF"},
		{"cut short", page(200, `[{"Node":`), Garbage, "unexpected EOF"},
		{"another shape", page(200, `{}`), Garbage, "cannot unmarshal"},
		{"an error page", page(502, "\n<h1>Bad Gateway</h1>\nsecond line"), Unavailable, "502 (Bad Gateway)"},
		{"a redirect", page(301, ""), Garbage, "301"},
	} {
		consul, err := New(DefaultConfig(), slog.New(slog.DiscardHandler), c.next)
		must(t, err)
		_, _, err = consul.Health(t.Context(), catalog.ServiceKey{Name: "web"}, Question{})
		if FailureOf(err) != c.kind || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %s: %v, want %s and %q", c.name, FailureOf(err), err, c.kind, c.says)
		}
		var status api.StatusError
		if errors.As(err, &status) && strings.Contains(err.Error(), "second") {
			t.Errorf("%s: the whole page is told: %v", c.name, err)
		}
	}
}
