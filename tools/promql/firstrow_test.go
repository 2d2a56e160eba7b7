package promql

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// tile is a panel that shows single values, each with a colour.
type tile struct {
	Type, Title string
	GridPos     struct{ Y int }
	FieldConfig struct {
		Defaults struct {
			Mappings []struct {
				Type    string
				Options json.RawMessage
			}
			Thresholds struct {
				Steps []struct {
					Color string
					Value *float64 // null: below all others
				}
			}
		}
	}
	Targets []struct{ Expr string }
}

// firstRow returns the tiles above the second row of the dashboard Fleet.
func firstRow(t *testing.T) []tile {
	t.Helper()
	raw, err := os.ReadFile(fleetFile)
	if err != nil {
		t.Fatal(err)
	}
	var d struct{ Panels []tile }
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	var tiles []tile
	for _, p := range d.Panels[1:] {
		if p.Type == "row" {
			return tiles
		}
		tiles = append(tiles, p)
	}
	t.Fatal("the dashboard has one row only")
	return nil
}

// colour returns Grafana's colour of a value: that of its mapping, or else of the thresholds. No
// value, and NaN, have the colour of the lowest threshold.
func (p tile) colour(t *testing.T, value *float64) string {
	t.Helper()
	type result struct{ Color string }
	for _, m := range p.FieldConfig.Defaults.Mappings {
		if value == nil {
			break
		}
		switch m.Type {
		case "value":
			var by map[string]result
			if err := json.Unmarshal(m.Options, &by); err != nil {
				t.Fatal(err)
			}
			if r, mapped := by[strconv.FormatFloat(*value, 'f', -1, 64)]; mapped && r.Color != "" {
				return r.Color
			}
		case "special":
			var special struct {
				Match  string
				Result result
			}
			if err := json.Unmarshal(m.Options, &special); err != nil {
				t.Fatal(err)
			}
			if special.Match == "nan" && math.IsNaN(*value) {
				return special.Result.Color
			}
		}
	}
	colour := ""
	for _, s := range p.FieldConfig.Defaults.Thresholds.Steps {
		if s.Value == nil || value != nil && *value >= *s.Value {
			colour = s.Color
		}
	}
	return colour
}

// colours returns the colours of all values that a tile shows.
func (p tile) colours(t *testing.T, engine *promql.Engine, scraped storage.Queryable, at time.Duration) []string {
	t.Helper()
	var all []string
	for _, target := range p.Targets {
		found := evaluate(t, engine, scraped, filled(target.Expr), at)
		if len(found) == 0 {
			all = append(all, p.colour(t, nil))
		}
		for _, s := range found {
			all = append(all, p.colour(t, &s.F))
		}
	}
	return all
}

// filled returns a query with values for the dashboard's variables.
func filled(expr string) string {
	return regexp.MustCompile(`\$(__range|__rate_interval|job|instance)\b`).ReplaceAllStringFunc(expr, func(v string) string {
		return map[string]string{"$job": "legate", "$instance": ".*"}[v] + map[bool]string{true: "5m"}[strings.HasPrefix(v, "$__")]
	})
}

func notGreen(t *testing.T, engine *promql.Engine, scraped storage.Queryable, at time.Duration) []string {
	t.Helper()
	var titles []string
	for _, p := range firstRow(t) {
		if slices.ContainsFunc(p.colours(t, engine, scraped, at), func(c string) bool { return c != "green" }) {
			titles = append(titles, p.Title)
		}
	}
	return titles
}

// around loads the series of a story, and those of testdata/healthy.txt for everything else.
func around(t *testing.T, story []string) storage.Queryable {
	t.Helper()
	raw, err := os.ReadFile("testdata/healthy.txt")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`^\s+(\w+){`)
	spoken := map[string]bool{}
	for _, line := range story {
		if m := name.FindStringSubmatch(line); m != nil {
			spoken[m[1]] = true
		}
	}
	lines := slices.Clone(story)
	for line := range strings.Lines(string(raw)) {
		if m := name.FindStringSubmatch(line); m != nil && !spoken[m[1]] {
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
	}
	return scraped(t, lines)
}

func TestTheFirstRowIsGreenWhereAllIsWell(t *testing.T) {
	engine := newEngine(t)
	if titles := notGreen(t, engine, around(t, []string{"load 1m"}), 10*time.Minute); len(titles) > 0 {
		t.Errorf("not green: %q", titles)
	}
}

// Whoever is woken by a critical alert looks at the first row first.
func TestWhileACriticalAlertHoldsATileOfTheFirstRowIsNotGreen(t *testing.T) {
	stories, err := filepath.Glob("testdata/alerts/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	rules, held := alertRules(t), map[string]bool{}
	engine := newEngine(t)
	for _, file := range stories {
		series, expected := readStory(t, file)
		scraped := around(t, series)
		for _, e := range expected {
			alert := rules[slices.IndexFunc(rules, func(r rulefmt.Rule) bool { return r.Alert == e[0] })]
			at, err := time.ParseDuration(e[2])
			if err != nil {
				t.Fatal(err)
			}
			if alert.Labels["severity"] != "critical" || len(evaluate(t, engine, scraped, alert.Expr, at)) == 0 {
				continue
			}
			held[alert.Alert] = true
			if len(notGreen(t, engine, scraped, at)) == 0 {
				t.Errorf("%s at %s: %s holds, and the first row is green", file, e[2], alert.Alert)
			}
		}
	}
	for _, r := range rules {
		if r.Labels["severity"] == "critical" && !held[r.Alert] {
			t.Errorf("%s holds in no story", r.Alert)
		}
	}
}

func TestWhatAnAlertAsksForHasAPanel(t *testing.T) {
	shown := map[string]bool{}
	metrics := func(q query, see func(name string)) {
		parser.Inspect(q.expr, func(n parser.Node, _ []parser.Node) error {
			if s, ok := n.(*parser.VectorSelector); ok {
				see(s.Name)
			}
			return nil
		})
	}
	for _, q := range dashboardQueries(t) {
		if strings.HasPrefix(q.where, "panel ") {
			metrics(q, func(name string) { shown[name] = true })
		}
	}
	for _, r := range recordingRules(t) { // what it is made of has a panel, see below
		shown[r.Record] = true
	}
	for _, q := range ruleQueries(t) {
		metrics(q, func(name string) {
			if !shown[name] {
				t.Errorf("%s asks for %s, which no panel shows", q.where, name)
			}
		})
	}
}
