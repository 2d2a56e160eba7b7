package main

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// filled writes out what an @ in a query stands for: the series of those Legates that the user of the dashboard has
// selected. Each selector of each query has it.
func filled(expr string) string {
	return strings.ReplaceAll(folded(expr), "@", `job=~"$job", instance=~"$instance"`)
}

// folded puts a text of several lines into one.
func folded(text string) string { return strings.Join(strings.Fields(text), " ") }

// variable is what the user of a dashboard selects above it: values that a query finds, of which any number can be
// selected, at first all, or one.
type variable struct {
	name, label, query string
	one                bool
	all                string // what "all" stands for; empty: for each value
}

// variables are those of all dashboards, besides the data source.
func variables() []variable {
	return []variable{
		{name: "job", label: "job", query: "label_values(legate_build_info, job)"},
		{name: "datacenter", label: "datacenter", query: `label_values(legate_consul_datacenter_info{job=~"$job"}, datacenter)`, all: ".*"},
		// No other metric has the datacenter as a label: it selects Legates, and those select all else. With all
		// datacenters, those are found, too, of which there is nothing but that they cannot be scraped.
		{name: "instance", label: "instance", query: `label_values({__name__=~"up|legate_consul_datacenter_info", job=~"$job", datacenter=~"$datacenter"}, instance)`},
	}
}

func (v variable) builder() *dashboard.QueryVariableBuilder {
	query := filled(v.query)
	b := dashboard.NewQueryVariableBuilder(v.name).
		Label(v.label).
		Datasource(chosen).
		Definition(query).
		Query(dashboard.StringOrMap{Map: map[string]any{"query": query, "refId": "variable-" + v.name}}).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortAlphabeticalAsc)
	if v.one {
		return b
	}
	if v.all != "" {
		b.AllValue(v.all)
	}
	return b.IncludeAll(true).Multi(true).Current(dashboard.VariableOption{
		Text:  dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
		Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
	})
}
