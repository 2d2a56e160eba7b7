package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"legate/internal/admin"
	"legate/internal/compare"
)

func TestVerifyThatCannotAskSaysWhatToDo(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "say what to compare with Legate: --consul, --envoy HOST:PORT, or both"},
		{[]string{"--envoy", "127.0.0.1:1", "--admin-addr", other.URL}, exitFailed, "404"},
		{[]string{"--envoy", "127.0.0.1:1", "--admin-socket", "/no/such"}, exitFailed, "does it run there? See --admin-addr"},
	} {
		if got := legate(t, nil, append([]string{"verify"}, c.args...)...); got.code != c.code || got.out != "" || !strings.Contains(got.err, c.want) {
			t.Errorf("%q: %+v", c.args, got)
		}
	}
}

func TestVerifySaysWhatAPolicyHasNotReachedYet(t *testing.T) {
	status := admin.Status{Rollout: &admin.Rollout{Changed: 3, Waiting: 37}}
	of := func(service string, endpoint *compare.Endpoint) compare.Fault {
		return compare.Fault{Change: compare.Change{Service: service, Endpoint: endpoint}}
	}
	if note := noteOf(of("web", nil), status, admin.Held{}); note != "a policy is rolled out: 3 of 40 clusters have it" {
		t.Errorf("a cluster: %q", note)
	}
	if note := noteOf(of("web", &compare.Endpoint{}), status, admin.Held{}); note != "" {
		t.Errorf("an endpoint: %q", note)
	}
	if busy := busy(status, admin.Held{}); busy != "Legate rolls out a policy" {
		t.Errorf("busy: %q", busy)
	}
}
