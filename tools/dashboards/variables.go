package main

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// filled writes out what an @ in a query stands for: the series of those Legates that the user of the dashboard has
// selected; and an @@: of those, the series of the selected sites, each a datacenter or a peer that these Legates follow.
// Each selector of each query has one of them.
func filled(expr string) string {
	expr = strings.ReplaceAll(folded(expr), "@@", `@, datacenter=~"$site", peer=~"$peer"`)
	return strings.ReplaceAll(expr, "@", `job=~"$job", instance=~"$instance"`)
}

// ownSite is where a Legate's own datacenter is meant: the others are followed from there.
const ownSite = ` and on (job, instance, datacenter) legate_consul_datacenter_info{@}`

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
		{name: "datacenter", label: "own datacenter", query: `label_values(legate_consul_datacenter_info{job=~"$job"}, datacenter)`, all: ".*"},
		// It selects Legates by the datacenter that they stand in, and those select all else. With all datacenters, those
		// are found, too, of which there is nothing but that they cannot be scraped.
		{name: "instance", label: "instance", query: `label_values({__name__=~"up|legate_consul_datacenter_info", job=~"$job", datacenter=~"$datacenter"}, instance)`},
	}
}

// sites select what the chosen Legates follow: datacenters, the own one among them, and peers.
func sites() []variable {
	return []variable{
		{name: "site", label: "followed datacenter", query: `label_values(legate_catalog_services{@}, datacenter)`, all: ".*"},
		{name: "peer", label: "followed peer", query: `label_values(legate_catalog_services{@, datacenter=~"$site"}, peer)`, all: ".*"},
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
