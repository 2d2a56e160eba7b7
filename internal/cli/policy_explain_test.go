package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"legate/internal/admin"
	"legate/translate/policy"
)

func TestPolicyExplainAsksARunningLegateWhatStillWaits(t *testing.T) {
	is := admin.Service{Policy: &policy.Explanation{Service: "web", Fields: []policy.ExplainedField{{Field: "connect_timeout", Value: json.RawMessage(`"2s"`), Source: "defaults policy.yaml:1"}}}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/services/web" {
			http.Error(w, "Consul has no service", http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(is)
	}))
	defer server.Close()
	since := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	still := []admin.Still{{Field: "connect_timeout", Has: "5s", Gets: "2s", Source: "defaults policy.yaml:1"}, {Field: "idle_timeout", Gets: "1m"}}
	for _, c := range []struct {
		rollout *admin.ServiceRollout
		says    []string
	}{
		{nil, nil},
		{&admin.ServiceRollout{State: admin.RolloutSent, Since: since}, []string{"has the policy that goes out since 2026-11-27T12:00:00Z"}},
		{&admin.ServiceRollout{State: admin.RolloutWaiting, Since: since, Still: still}, []string{"waits: the policy goes out since 2026-11-27T12:00:00Z, and its turn comes",
			"is still served with: connect_timeout: 5s (then 2s: defaults policy.yaml:1)", "is still served with: idle_timeout: not set (then 1m"}},
		{&admin.ServiceRollout{State: admin.RolloutPaused, Since: since, Still: still, Remedy: "correct it"}, []string{"waits: the policy goes out no further since 2026-11-27T12:00:00Z: correct it"}},
	} {
		is.Rollout = c.rollout
		r := legate(t, nil, "policy", "explain", "web", "--admin-addr", server.Listener.Addr().String())
		for _, want := range append(c.says, "connect_timeout  2s     defaults policy.yaml:1") {
			if r.code != 0 || !strings.Contains(r.out, want) {
				t.Errorf("it does not say %q: exit %d\n%s%s", want, r.code, r.out, r.err)
			}
		}
		r = legate(t, nil, "policy", "explain", "web", "--json", "--running", "--admin-addr", server.Listener.Addr().String())
		if r.code != 0 || !json.Valid([]byte(r.out)) || c.rollout != nil && !strings.Contains(r.out, string(c.rollout.State)) {
			t.Errorf("as JSON: exit %d\n%s%s", r.code, r.out, r.err)
		}
	}
	if r := legate(t, nil, "policy", "explain", "none", "--admin-addr", server.Listener.Addr().String()); r.code != 1 || !strings.Contains(r.err, "Consul has no service") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}
