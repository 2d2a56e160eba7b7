package envoycheck_test

import (
	"fmt"
	"strings"
	"testing"

	"legate/internal/envoycheck"
)

// told is what an Envoy tells of cluster a.b, whose stats are called a_b: its limits, one endpoint with these counts and flags,
// and these counts of its own.
func told(t *testing.T, health string, host, own map[string]int) envoycheck.Traffic {
	t.Helper()
	var stats []string
	for name, n := range host {
		stats = append(stats, fmt.Sprintf(`{"name":%q,"value":"%d"}`, name, n))
	}
	clusters := `{"cluster_statuses":[{"name":"other"},{"name":"a.b","observability_name":"a_b",
		"circuit_breakers":{"thresholds":[{"max_pending_requests":2,"max_requests":7,"max_connections":3,"max_retries":4},{"priority":"HIGH","max_pending_requests":1024}]},
		"host_statuses":[{"address":{"socket_address":{"address":"fd00::7","port_value":80}},"stats":[` + strings.Join(append(stats, `{"name":"cx_active","type":"GAUGE"}`), ",") + `],
		"health_status":{"eds_health_status":"HEALTHY"` + health + `}}]}]}`
	traffic, err := envoycheck.TrafficOf("a.b", []byte(clusters))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := traffic.StatsFilter(), `^cluster\.a_b\.`; !strings.HasPrefix(got, want) {
		t.Errorf("the filter is %q", got)
	}
	stats = nil
	for name, n := range own {
		stats = append(stats, fmt.Sprintf(`{"name":"cluster.a_b.%s","value":%d}`, name, n))
	}
	if err := traffic.Count([]byte(`{"stats":[` + strings.Join(append(stats, `{"histograms":{}}`), ",") + `]}`)); err != nil {
		t.Fatal(err)
	}
	return traffic
}

func TestWhatKeepsRequestsFromBeingAnsweredIsNamed(t *testing.T) {
	type counts = map[string]int
	for _, c := range []struct {
		name, health  string
		host, own     counts
		before, early counts // the same, earlier
		want          string // severity, where and detail; empty: nothing
	}{
		{name: "nothing", host: counts{"cx_total": 5, "rq_total": 9}, own: counts{"upstream_rq_timeout": 0}},
		{name: "a limit, now", own: counts{"upstream_rq_pending_overflow": 9}, early: counts{"upstream_rq_pending_overflow": 7},
			want: "error limit: 9 requests (2 just now) got 503 at once: circuit_breakers.max_pending_requests 2 was reached (requests that wait for a connection)"},
		{name: "a limit, earlier", own: counts{"upstream_rq_active_overflow": 1}, early: counts{"upstream_rq_active_overflow": 1},
			want: "warning limit: 1 request (none just now) got 503 at once: circuit_breakers.max_requests 7 was reached (requests at once)"},
		{name: "connections, too", own: counts{"upstream_rq_pending_overflow": 1, "upstream_cx_overflow": 4},
			want: "error limit: 1 request (1 just now) got 503 at once: circuit_breakers.max_pending_requests 2 was reached (requests that wait for a connection), since circuit_breakers.max_connections 3 was"},
		{name: "an Envoy that was started anew", own: counts{"upstream_rq_timeout": 1}, early: counts{"upstream_rq_timeout": 8}, want: "warning the cluster: 1 request (none just now) got no answer in time"},
		{name: "nobody listens", host: counts{"cx_total": 3, "cx_connect_fail": 3}, before: counts{"cx_connect_fail": 1}, want: "error [fd00::7]:80: no connection to it succeeded: 3 attempts (2 just now)"},
		{name: "some connections", host: counts{"cx_total": 8, "cx_connect_fail": 3}, want: "warning [fd00::7]:80: of 8 connections to it failed 3 attempts (3 just now)"},
		{name: "answers of 5xx", host: counts{"cx_total": 8, "rq_total": 9, "rq_error": 1}, want: "warning [fd00::7]:80: of 9 requests failed 1 request (1 just now)"},
		{name: "ejected", health: `,"failed_outlier_check":true`, want: "error [fd00::7]:80: this Envoy ejected it for its errors (outlier detection), and sends it nothing for a while"},
		{name: "checks", health: `,"failed_active_health_check":true`, want: "error [fd00::7]:80: it fails this Envoy's own health checks, and gets nothing, whatever Consul says"},
		{name: "TLS", own: counts{"ssl.connection_error": 2}, want: "error the cluster: 2 connections (2 just now) failed in the TLS handshake"},
		{name: "none", own: counts{"upstream_cx_none_healthy": 2}, want: "error the cluster: 2 requests (2 just now) found no healthy endpoint and got 503"},
	} {
		found := told(t, c.health, c.host, c.own).Troubles(told(t, "", c.before, c.early))
		var got []string
		for _, f := range found {
			got = append(got, fmt.Sprintf("%s %s: %s", f.Severity, f.Where, f.Detail))
			if f.Remedy == "" {
				t.Errorf("%s: no remedy", c.name)
			}
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	unknown, err := envoycheck.TrafficOf("web", []byte(`{}`))
	if found := unknown.Troubles(unknown); err != nil || len(found) != 1 || !strings.Contains(found[0].Detail, "does not use it") {
		t.Errorf("of a cluster that it does not have: %v, %v", found, err)
	}
	if _, err := envoycheck.TrafficOf("web", []byte("<html>")); err == nil {
		t.Error("HTML is understood")
	}
}
