package grafanatest

import (
	"net/http/httptest"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/examples/grafana"
	"legate/metrics"
	"legate/translate"
)

func TestEachMetricThatTheDashboardOrAnAlertAsksForIsExported(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("process_… metrics are complete on Linux only")
	}
	page := lived(t)
	missing, err := Missing(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range missing {
		t.Error(m)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	page := lived(t)
	for _, c := range []struct{ old, new, want string }{
		{"legate_catalog_services", "legate_catalog_service", "there is no metric legate_catalog_services"},
		{"legate_propagation_seconds", "legate_propagation", "there is no metric legate_propagation_seconds_bucket"},
		{`stage="answer_to_ack"`, `stage="acked"`, "no series of legate_propagation_seconds_bucket has the label stage=answer_to_ack"},
		{`outcome="unchanged"`, `outcome="same"`, "no series of legate_consul_queries_total has the label outcome=unchanged"},
		{`reason="port"`, `why="port"`, "no series of legate_translate_problems has the label reason"},
	} {
		missing, err := Missing(strings.NewReader(strings.ReplaceAll(page, c.old, c.new)))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(missing, c.want) {
			t.Errorf("%s instead of %s: got %q, want %q", c.new, c.old, missing, c.want)
		}
	}
}

// The list is derived in another module. This test notices a metric that was added or removed
// since.
func TestTheListNamesTheMetricsOfTheDashboardAndTheAlerts(t *testing.T) {
	name := regexp.MustCompile(`\b(legate|process|go)_[a-z0-9_]+\b`)
	asked := map[string]bool{}
	for _, q := range queries(t) {
		for _, n := range name.FindAllString(recorded.ReplaceAllString(q, ""), -1) {
			asked[n] = true
		}
	}
	listed := map[string]bool{}
	for line := range strings.Lines(used) {
		listed[strings.Fields(line)[0]] = true
	}
	for n := range asked {
		if !listed[n] {
			t.Errorf("%s is asked for and not in testdata/used.txt; write it anew with: go -C tools/promql test . -update", n)
		}
	}
	for n := range listed {
		if !asked[n] {
			t.Errorf("%s is in testdata/used.txt and nothing asks for it; write it anew with: go -C tools/promql test . -update", n)
		}
	}
}

// recorded are the names of what Prometheus itself records.
var recorded = regexp.MustCompile(`\w+:\w+:\w+`)

// A metric without a panel is not found by those who need it.
func TestEachFamilyOfLegateHasAPanel(t *testing.T) {
	shown := map[string]bool{}
	for _, p := range panels(t) {
		for _, target := range p.Targets {
			for _, name := range regexp.MustCompile(`legate_\w+`).FindAllString(target.Expr, -1) {
				shown[strings.TrimSuffix(name, "_bucket")] = true
			}
		}
	}
	exported := 0
	for line := range strings.Lines(lived(t)) {
		words := strings.Fields(line)
		if words[0] != "#" || words[1] != "TYPE" || !strings.HasPrefix(words[2], "legate_") {
			continue
		}
		if exported++; !shown[words[2]] {
			t.Errorf("%s has no panel", words[2])
		}
	}
	if exported < 46 {
		t.Errorf("only %d families found", exported)
	}
}

// queries returns the expressions of the dashboard and of the alert rules.
func queries(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, p := range panels(t) {
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	// An expression ends at the next key of its rule, or at the next rule.
	for _, m := range regexp.MustCompile(`(?s)expr: (.*?)\n(?:        (?:for|labels):|      - |\n)`).FindAllStringSubmatch(string(grafana.Rules("").Content), -1) {
		all = append(all, m[1])
	}
	return all
}

// lived returns the /metrics of a program in which everything that is counted has happened.
func lived(t *testing.T) string {
	t.Helper()
	const cds = translate.ClusterType
	m := metrics.New(metrics.BuildInfo{Version: "1", GoVersion: runtime.Version()})
	for _, outcome := range []string{"changed", "unchanged"} {
		m.Consul.Query(outcome, time.Second)
	}
	m.Consul.Fresh(time.Now())
	m.Consul.Datacenter("dc1")
	m.Consul.Index("catalog", 7)
	m.Consul.Catalog(1, map[string]int{"passing": 1})
	m.Consul.Watches(1, 0, 100)
	m.Translate.Problems(map[string]int{string(translate.BadPort): 1})
	m.Process.Certificate("xds", time.Now)
	m.XDS.Serves(cds, translate.AssignmentType)
	m.XDS.Published("envoy@dc1", map[string]int{cds: 1}, time.Now())
	open := m.XDS.Opened("delta-1", "delta")
	open.Named("edge")
	open.Type(cds).Request("subscribe")
	open.Type(cds).Response(1, 100)
	m.XDS.Subscriptions(func() []metrics.Subscription {
		return []metrics.Subscription{{Stream: open, Node: "edge", Type: cds, State: "synced"}}
	})
	m.XDS.Opened("sotw-1", "sotw").Closed(time.Second, "OK")
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}
