package promql

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

const (
	dashboardFiles = "../../examples/grafana/legate-*.json"
	fleetFile      = "../../examples/grafana/legate-fleet.json"
	rulesFile      = "../../examples/grafana/legate.rules.yml"
)

// query is an expression, its place, and the labels that its legend or annotations use.
type query struct {
	where  string
	text   string
	expr   parser.Expr
	labels []string
}

func parse(t *testing.T, where, text string, labels []string) query {
	t.Helper()
	// Grafana replaces these names by a duration before Prometheus sees the query.
	plain := regexp.MustCompile(`\$__(rate_interval|interval|range)\b`).ReplaceAllString(text, "5m")
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(plain)
	if err != nil {
		t.Errorf("%s: %v\n%s", where, err, text)
	}
	return query{where: where, text: text, expr: expr, labels: labels}
}

var (
	inLegend     = regexp.MustCompile(`{{\s*(\w+)\s*}}`)
	inAnnotation = regexp.MustCompile(`\$labels\.(\w+)`)
)

func names(pattern *regexp.Regexp, text string) []string {
	var out []string
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// dashboardQueries returns the queries of the panels and the annotations of all dashboards.
func dashboardQueries(t *testing.T) []query {
	t.Helper()
	files, err := filepath.Glob(dashboardFiles)
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var all []query
	for _, file := range files {
		all = append(all, queriesOf(t, file)...)
	}
	return all
}

func queriesOf(t *testing.T, file string) []query {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Title       string
		Annotations struct {
			List []struct{ Name, Expr, TextFormat string }
		}
		Panels []struct {
			Title   string
			Targets []struct{ RefID, Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var all []query
	for _, a := range d.Annotations.List {
		all = append(all, parse(t, "annotation "+a.Name+" of "+d.Title, a.Expr, names(inLegend, a.TextFormat)))
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, parse(t, "panel "+p.Title+" "+target.RefID+" of "+d.Title, target.Expr, names(inLegend, target.LegendFormat)))
		}
	}
	return all
}

// readRules returns the rules, in their order.
func readRules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	var complaints bytes.Buffer
	log := slog.New(slog.NewTextHandler(&complaints, nil))
	groups, errs := rulefmt.ParseFile(rulesFile, false, model.LegacyValidation, parser.NewParser(parser.Options{}), log)
	for _, err := range errs {
		t.Error(err)
	}
	if complaints.Len() > 0 {
		t.Error(complaints.String())
	}
	if t.Failed() {
		t.FailNow()
	}
	var rules []rulefmt.Rule
	for _, g := range groups.Groups {
		rules = append(rules, g.Rules...)
	}
	return rules
}

func alertRules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	return slices.DeleteFunc(readRules(t), func(r rulefmt.Rule) bool { return r.Alert == "" })
}

func recordingRules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	return slices.DeleteFunc(readRules(t), func(r rulefmt.Rule) bool { return r.Record == "" })
}

// ruleQueries returns the queries of the alerts and of the recording rules.
func ruleQueries(t *testing.T) []query {
	t.Helper()
	all := alertQueries(t)
	for _, r := range recordingRules(t) {
		all = append(all, parse(t, "record "+r.Record, r.Expr, nil))
	}
	return all
}

func alertQueries(t *testing.T) []query {
	t.Helper()
	var all []query
	for _, r := range alertRules(t) {
		var text strings.Builder
		for _, a := range r.Annotations {
			text.WriteString(a)
		}
		all = append(all, parse(t, "alert "+r.Alert, r.Expr, names(inAnnotation, text.String())))
	}
	return all
}

func TestEachQueryParses(t *testing.T) {
	if n := len(dashboardQueries(t)); n < 80 {
		t.Errorf("only %d queries found in the dashboards", n)
	}
	if n := len(alertQueries(t)); n < 6 {
		t.Errorf("only %d alerts found in the rules", n)
	}
}

func TestEachAlertSaysWhatHappenedWhatItMeansAndWhatToDo(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range alertRules(t) {
		if !strings.HasPrefix(r.Alert, "Legate") {
			t.Errorf("alert %s: its name does not begin with Legate", r.Alert)
		}
		if seen[r.Alert] {
			t.Errorf("alert %s exists twice", r.Alert)
		}
		seen[r.Alert] = true
		for _, key := range []string{"summary", "description", "runbook"} {
			if r.Annotations[key] == "" {
				t.Errorf("alert %s has no %s", r.Alert, key)
			}
		}
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("alert %s has severity %q, want critical or warning", r.Alert, s)
		}
	}
}
