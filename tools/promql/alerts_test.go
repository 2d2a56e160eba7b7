package promql

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
)

// step is the evaluation_interval of examples/grafana/prometheus.yml.
const step = 15 * time.Second

// expectation is a line such as "LegateDown fires at 8m".
var expectation = regexp.MustCompile(`^(Legate\w+) (fires|is quiet) at (\S+)$`)

// The stories under testdata/alerts say in promqltest's language what Prometheus has scraped, and
// when an alert fires.
func TestAlertsFireWhenTheyShouldAndAreQuietOtherwise(t *testing.T) {
	stories, err := filepath.Glob("testdata/alerts/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	fired := map[string]bool{}
	for _, file := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { tell(t, file, fired) })
	}
	for _, r := range alertRules(t) {
		if !fired[r.Alert] {
			t.Errorf("no story makes %s fire", r.Alert)
		}
	}
}

// readStory returns the series of a story, and its expectations: alert, verb and time.
func readStory(t *testing.T, file string) (series []string, expected [][]string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if m := expectation.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			expected = append(expected, m[1:])
		} else if strings.TrimSpace(line) != "" {
			series = append(series, strings.TrimRight(line, "\n"))
		}
	}
	if len(expected) == 0 {
		t.Fatalf("%s expects nothing", file)
	}
	return series, expected
}

func tell(t *testing.T, file string, fired map[string]bool) {
	series, expected := readStory(t, file)
	scraped := scraped(t, series)
	engine := newEngine(t)
	for _, e := range expected {
		at, err := time.ParseDuration(e[2])
		if err != nil {
			t.Fatal(err)
		}
		got := fires(t, engine, scraped, e[0], at)
		if want := e[1] == "fires"; got != want {
			t.Errorf("%s: fires is %v at %s, want %v", e[0], got, e[2], want)
		}
		fired[e[0]] = fired[e[0]] || got
	}
}

// fires reports whether a single series of the alert's expression has existed for as long as the
// alert's "for".
func fires(t *testing.T, engine *promql.Engine, scraped storage.Queryable, alert string, at time.Duration) bool {
	t.Helper()
	r := ruleOf(t, alert)
	var standing map[string]bool
	if at < time.Duration(r.For) {
		return false
	}
	for when := at; when >= at-time.Duration(r.For); when -= step {
		now := map[string]bool{}
		for _, s := range evaluate(t, engine, scraped, r.Expr, when) {
			name := s.Metric.String()
			now[name] = standing == nil || standing[name]
		}
		for name, stands := range now {
			if !stands {
				delete(now, name)
			}
		}
		standing = now
	}
	return len(standing) > 0
}

func ruleOf(t *testing.T, alert string) rulefmt.Rule {
	t.Helper()
	rules := alertRules(t)
	i := slices.IndexFunc(rules, func(r rulefmt.Rule) bool { return r.Alert == alert })
	if i < 0 {
		t.Fatalf("there is no alert %s", alert)
	}
	return rules[i]
}

func evaluate(t *testing.T, engine *promql.Engine, scraped storage.Queryable, expr string, at time.Duration) promql.Vector {
	t.Helper()
	q, err := engine.NewInstantQuery(context.Background(), scraped, nil, expr, time.Unix(0, 0).Add(at))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	v, err := q.Exec(context.Background()).Vector()
	if err != nil {
		t.Fatalf("evaluate %q: %v", expr, err)
	}
	return append(promql.Vector(nil), v...)
}
