package promql

import (
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// used is the list that internal/grafanatest compares with a live /metrics, without Prometheus'
// parser: a line for each metric, with the labels it must have and the values they must take.
const used = "../../internal/grafanatest/testdata/used.txt"

var update = flag.Bool("update", false, "write the list of used metrics anew")

func TestTheListOfUsedMetricsIsThatOfTheQueries(t *testing.T) {
	var want strings.Builder
	needs := collect(leaving(t), append(dashboardQueries(t), ruleQueries(t)...))
	for _, metric := range slices.Sorted(maps.Keys(needs)) {
		words := append([]string{metric}, slices.Sorted(maps.Keys(needs[metric]))...)
		want.WriteString(strings.Join(words, " ") + "\n")
	}
	if *update {
		if err := os.WriteFile(used, []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(used)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want.String() {
		t.Errorf("%s is out of date; write it anew with: go -C tools/promql test . -update\ngot\n%swant\n%s", used, got, want.String())
	}
}

// leaving returns what docs/metrics.md says of the metrics whose series come and go: of those, not every value is always
// there, and the page, which is made from the code, knows all.
func leaving(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, section := range strings.Split(string(page), "\n### `") {
		if name, about, ok := strings.Cut(section, "`"); ok && strings.Contains(about, "they leave with it") {
			all[name] = about
		}
	}
	if len(all) == 0 {
		t.Error("docs/metrics.md has no metric whose series leave")
	}
	return all
}

// made are the labels that Prometheus or an expression adds, so Legate does not export them.
var made = []string{labels.MetricName, "job", "instance", "__name__"}

// collect returns for each metric what the queries need of it: "label" or "label=value". It leaves
// out up, which Prometheus itself makes.
func collect(leaving map[string]string, all []query) map[string]map[string]bool {
	needs := map[string]map[string]bool{}
	for _, q := range all {
		parser.Inspect(q.expr, func(n parser.Node, path []parser.Node) error {
			s, ok := n.(*parser.VectorSelector)
			if !ok || s.Name == "up" || strings.Contains(s.Name, ":") {
				return nil
			}
			need := needs[s.Name]
			if need == nil {
				need = map[string]bool{}
				needs[s.Name] = need
			}
			for _, m := range s.LabelMatchers {
				if slices.Contains(made, m.Name) {
					continue
				}
				need[m.Name] = true
				if strings.HasPrefix(m.Value, "$") {
					continue // a variable of the dashboard
				}
				// Each value must exist somewhere, even one that is excluded: a misspelt value
				// would select or exclude nothing.
				for _, value := range strings.Split(m.Value, "|") {
					if strings.Contains(leaving[s.Name], "`"+value+"`") {
						continue
					}
					need[m.Name+"="+value] = true
				}
			}
			if zero(path) {
				return nil // only its presence counts, not its labels
			}
			kept := q.labels
			if i := compared(path, s); i >= 0 {
				path, kept = path[i:], nil
			}
			for _, label := range slices.Concat(matched(path), grouped(path), kept) {
				if !slices.Contains(made, label) && !counted(q.expr, label) {
					need[label] = true
				}
			}
			return nil
		})
	}
	return needs
}

// compared returns from where on in the path labels come into the answer, if the selector is on the right side of an and or
// an unless: all that is left of it there are the labels that are matched. It is -1 if it is not.
func compared(path []parser.Node, s parser.Node) (from int) {
	from, path = -1, append(slices.Clone(path), s)
	for i, n := range path[:len(path)-1] {
		b, ok := n.(*parser.BinaryExpr)
		if ok && (b.Op == parser.LAND || b.Op == parser.LUNLESS) && path[i+1] == parser.Node(b.RHS) {
			from = i
		}
	}
	return from
}

// matched returns the labels by which the operators around a selector match its series with others.
func matched(path []parser.Node) []string {
	var out []string
	for _, n := range path {
		if b, ok := n.(*parser.BinaryExpr); ok && b.VectorMatching != nil && b.VectorMatching.On {
			out = append(out, b.VectorMatching.MatchingLabels...)
		}
	}
	return out
}

// grouped returns the labels that the aggregations around a selector keep.
func grouped(path []parser.Node) []string {
	var out []string
	for _, n := range path {
		if a, ok := n.(*parser.AggregateExpr); ok && !a.Without {
			out = append(out, a.Grouping...)
		}
	}
	return out
}

// counted reports whether an expression makes the label itself, with count_values.
func counted(expr parser.Expr, label string) bool {
	found := false
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if a, ok := n.(*parser.AggregateExpr); ok && a.Op == parser.COUNT_VALUES {
			name, ok := a.Param.(*parser.StringLiteral)
			found = found || ok && name.Val == label
		}
		return nil
	})
	return found
}

// zero reports whether the selector with this path is multiplied by 0, which is a way to return 0
// where there is no other series.
func zero(path []parser.Node) bool {
	for _, n := range path {
		if b, ok := n.(*parser.BinaryExpr); ok && b.Op == parser.MUL {
			if left, ok := b.LHS.(*parser.NumberLiteral); ok && left.Val == 0 {
				return true
			}
		}
	}
	return false
}
