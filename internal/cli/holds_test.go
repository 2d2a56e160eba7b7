package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"legate/discovery"
	"legate/internal/admin"
)

func TestHoldsAreListedAndReleasedThroughTheAdminListener(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization"))
		if r.Method == http.MethodPost && r.Header.Get("Authorization") != "Bearer secret" {
			http.Error(w, "send the token", http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(admin.Held{Released: 2, Holds: []discovery.Hold{
			{Service: "web", Why: "datacenter", Kept: 3, Served: 4, Since: time.Unix(0, 0), Remedy: "look at Consul"}}})
	}))
	defer server.Close()
	token := file(t, "token", "secret\n")
	for _, c := range []struct {
		args []string
		exit int
		says string
	}{
		{[]string{"list"}, 0, "web      datacenter  3     4"},
		{[]string{"list"}, 0, "look at Consul"},
		{[]string{"list", "--format", "json"}, 0, `"service": "web"`},
		{[]string{"release", "--all", "--admin-token-file", token}, 0, "released: 2 services"},
		{[]string{"release", "--all"}, 1, "401 Unauthorized: send the token"},
		{[]string{"release"}, 2, "say what to release"},
		{[]string{"release", "--all", "--service", "web"}, 2, "say what to release"},
	} {
		r := legate(t, nil, append([]string{"holds"}, append(c.args, "--admin-addr", server.Listener.Addr().String())...)...)
		if r.code != c.exit || !strings.Contains(r.out+r.err, c.says) {
			t.Errorf("%v: exit %d\n%s%s", c.args, r.code, r.out, r.err)
		}
	}
	if want := "POST /api/v1/holds/release?all=true Bearer secret"; asked[3] != want {
		t.Errorf("asked %q, want %q", asked[3], want)
	}
	if r := legate(t, nil, "holds", "list", "--admin-addr", "127.0.0.1:1"); r.code != 1 || !strings.Contains(r.err, "does it run there?") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}
