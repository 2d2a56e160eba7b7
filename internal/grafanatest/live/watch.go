package live

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"legate/internal/parts"
	"legate/internal/parts/partstest"
)

// Prometheus is a real Prometheus that scrapes Legates and evaluates their rules, at the Pace.
type Prometheus struct {
	*parts.Prometheus
	Began time.Time
}

// Folder is where the dashboards, the rules and the configuration of Prometheus are.
const Folder = "examples/grafana"

// Watch starts a Prometheus with the configuration and the rules of a checkout's examples, which scrapes these
// addresses. It ends with the test.
func Watch(t testing.TB, checkout string, targets ...string) *Prometheus {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(checkout, Folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	const target = `"127.0.0.1:18001"`
	config := read("prometheus.yml")
	if !strings.Contains(config, target) || !strings.Contains(config, ": 15s") {
		t.Fatalf("prometheus.yml does not scrape %s every 15s", target)
	}
	var quoted []string
	for _, addr := range targets {
		quoted = append(quoted, fmt.Sprintf("%q", addr))
	}
	config = strings.ReplaceAll(Hasten(config), target, strings.Join(quoted, ", "))
	return &Prometheus{
		Began: time.Now(),
		Prometheus: partstest.Prometheus(t, parts.PrometheusOptions{
			Config: []byte(config), Files: map[string][]byte{"legate.rules.yml": []byte(Hasten(read("legate.rules.yml")))},
		}),
	}
}

// Choices returns the ways in which Grafana fills in the variables of a dashboard: one with everything that can be
// selected, or several if a variable takes one value at a time.
func (p *Prometheus) Choices(ctx context.Context, b Board) ([]map[string]string, error) {
	choices := []map[string]string{{}}
	for _, v := range b.Variables {
		var more []map[string]string
		for _, c := range choices {
			values, err := p.values(ctx, fill(v.Query, c))
			if err != nil {
				return nil, fmt.Errorf("variable %q: %w", v.Name, err)
			}
			for _, value := range one(values, v.Several) {
				with := map[string]string{v.Name: value}
				for name, other := range c {
					with[name] = other
				}
				more = append(more, with)
			}
		}
		choices = more
	}
	return choices, nil
}

// one returns what is filled in for the values: if all can be selected, a pattern that matches them.
func one(values []string, several bool) []string {
	if !several {
		return values
	}
	var quoted []string
	for _, v := range values {
		quoted = append(quoted, strings.ReplaceAll(regexp.QuoteMeta(v), `\`, `\\`))
	}
	if len(quoted) == 1 {
		return quoted
	}
	return []string{"(" + strings.Join(quoted, "|") + ")"}
}

var labelValues = regexp.MustCompile(`^label_values\((.+),\s*(\w+)\)$`)

// values returns the values of a variable, as Grafana finds them: label_values is no function of Prometheus.
func (p *Prometheus) values(ctx context.Context, query string) (values []string, err error) {
	m := labelValues.FindStringSubmatch(query)
	if m == nil {
		return nil, fmt.Errorf("%s: only label_values(selector, label) is known here", query)
	}
	found, err := p.QueryRange(ctx, fmt.Sprintf("group by (%s) (%s)", m[2], m[1]), p.Began, time.Now(), Interval)
	for _, s := range found {
		if v := s.Labels[m[2]]; v != "" {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return values, err
}

// Filled returns a query as Grafana sends it, at the Pace.
func (p *Prometheus) Filled(expr string, choice map[string]string) string {
	return fill(Hasten(expr), choice,
		// Grafana: the step and one interval of scraping, four intervals at least.
		"__rate_interval", fmt.Sprint((4*Interval).Milliseconds(), "ms"),
		"__interval", fmt.Sprint(Interval.Milliseconds(), "ms"),
		"__range", fmt.Sprint(time.Since(p.Began).Milliseconds(), "ms"))
}

// fill replaces $name and ${name}. Pairs are names and values beside those of the choice.
func fill(text string, choice map[string]string, pairs ...string) string {
	return regexp.MustCompile(`\$(?:{(\w+)}|(\w+))`).ReplaceAllStringFunc(text, func(m string) string {
		name := strings.Trim(m, "${}")
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		if value, ok := choice[name]; ok {
			return value
		}
		return m
	})
}
