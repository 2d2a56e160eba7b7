package main

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// filled writes out what an @ in a query stands for: the series of those Legates that the user of the dashboard has
// selected. Each selector of each query has it.
func filled(expr string) string {
	return strings.ReplaceAll(folded(expr), "@", `job=~"$job", instance=~"$instance"`)
}

// folded puts a text of several lines into one.
func folded(text string) string { return strings.Join(strings.Fields(text), " ") }

func variables() []cog.Builder[dashboard.VariableModel] {
	return []cog.Builder[dashboard.VariableModel]{
		dashboard.NewDatasourceVariableBuilder("datasource").Label("Prometheus").Type("prometheus"),
		several("job", "job", "label_values(legate_build_info, job)"),
		several("instance", "instance", `label_values(up{job=~"$job"}, instance)`),
	}
}

// several is a variable with the values that a query finds, of which any number can be selected; at first, all.
func several(name, label, query string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).
		Label(label).
		Datasource(chosen).
		Definition(query).
		Query(dashboard.StringOrMap{Map: map[string]any{"query": query, "refId": "variable-" + name}}).
		Current(dashboard.VariableOption{
			Text:  dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
			Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
		}).
		IncludeAll(true).
		Multi(true).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortAlphabeticalAsc)
}
