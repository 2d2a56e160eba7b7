package promql

import (
	"slices"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// A panel that ignores the dashboard's variables shows metrics of other Legates.
func TestEachSelectorOfTheDashboardHearsTheVariables(t *testing.T) {
	for _, q := range dashboardQueries(t) {
		parser.Inspect(q.expr, func(n parser.Node, _ []parser.Node) error {
			s, ok := n.(*parser.VectorSelector)
			if !ok {
				return nil
			}
			var matchers []string
			for _, m := range s.LabelMatchers {
				matchers = append(matchers, m.String())
			}
			for _, want := range []string{`job=~"$job"`, `instance=~"$instance"`} {
				if !slices.Contains(matchers, want) {
					t.Errorf("%s: %s does not select by %s", q.where, s, want)
				}
			}
			return nil
		})
	}
}
