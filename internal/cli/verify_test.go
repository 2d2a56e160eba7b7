package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
