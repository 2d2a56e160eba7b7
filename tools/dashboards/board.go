package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// board is a dashboard.
type board struct {
	name  string // fleet: its file is legate-fleet.json, its uid legate-fleet
	title string
	says  string
	own   []variable // beyond those that all dashboards have
	rows  []row
}

// row is a row of panels, with a title above. Panels that do not fit beside each other begin a new line.
type row struct {
	title  string
	panels []panel
}

func (b board) fileName() string { return "legate-" + b.name + ".json" }

// columns is the width of a dashboard in Grafana.
const columns = 24

// chosen is the data source that the user of the dashboard has selected.
var chosen = common.DataSourceRef{Type: of("prometheus"), Uid: of("${datasource}")}

func of[T any](v T) *T { return &v }

func (b board) build() (dashboard.Dashboard, error) {
	d := dashboard.NewDashboardBuilder("Legate / "+b.title).
		Uid("legate-"+b.name).
		Description(folded(b.says)).
		Tags([]string{"consul", "envoy", "legate", "xds"}).
		Editable().
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Time("now-3h", "now").
		Refresh("30s").
		Timezone("browser").
		Version(1).
		// The other dashboards, with the same variables and the same time.
		Link(dashboard.NewDashboardLinkBuilder("Legate").
			Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{"legate"}).
			IncludeVars(true).
			KeepTime(true))
	d.WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Prometheus").Type("prometheus"))
	for _, v := range append(variables(), b.own...) {
		d.WithVariable(v.builder())
	}
	for _, a := range annotations() {
		d.Annotation(a)
	}
	id, y := uint32(0), uint32(0)
	for _, r := range b.rows {
		id++
		d.WithRow(dashboard.NewRowBuilder(r.title).Id(id).GridPos(dashboard.GridPos{X: 0, Y: y, W: columns, H: 1}))
		y++
		x, tallest := uint32(0), uint32(0)
		for _, p := range r.panels {
			w, h := p.size()
			if x+w > columns {
				x, y, tallest = 0, y+tallest, 0
			}
			id++
			d.WithPanel(built{p, id, dashboard.GridPos{X: x, Y: y, W: w, H: h}})
			x, tallest = x+w, max(tallest, h)
		}
		y += tallest
	}
	whole, err := d.Build()
	// The links and the switches of the annotations are seen at once, not in a menu.
	for i := range whole.Links {
		whole.Links[i].Placement = nil
	}
	for i := range whole.Annotations.List {
		whole.Annotations.List[i].Placement = nil
	}
	return whole, err
}

// annotation is an event that is marked on all panels. If at is set, the value of the query is the time of the event,
// in milliseconds; else an event lasts as long as the query has values of 1 or more.
func annotation(name, colour, expr, title string, at bool) *dashboard.AnnotationQueryBuilder {
	return dashboard.NewAnnotationQueryBuilder().
		Name(name).
		Datasource(chosen).
		Enable(true).
		IconColor(colour).
		Expr(filled(expr)).
		TitleFormat(title).
		TextFormat("{{instance}}").
		Step("60s").
		UseValueForTime(at)
}

func annotations() []*dashboard.AnnotationQueryBuilder {
	return []*dashboard.AnnotationQueryBuilder{
		annotation("Starts", "orange", `process_start_time_seconds{@} * 1000`, "Legate started", true),
		annotation("Reloads", "blue",
			`legate_config_last_reload_success_timestamp_seconds{@} * 1000 and on (job, instance) legate_config_reloads_total{@, outcome="ok"} > 0`,
			"configuration or policy taken over", true),
		annotation("Rejected reloads", "purple", `legate_config_last_reload_successful{@} == bool 0`,
			"a changed file is rejected, what was read before holds", false),
		// A blocking query that nothing wakes ends after about a minute.
		annotation("Consul away", "red", `time() - (legate_consul_last_success_timestamp_seconds{@, peer=""} > 0`+ownSite+`) > 90`,
			"no answer of Consul that was believed", false),
	}
}

// query returns a query to Prometheus. An instant query asks for the last value alone.
func (q query) build(refID string, instant, asTable bool) *prometheus.DataqueryBuilder {
	p := prometheus.NewDataqueryBuilder().
		RefId(refID).
		Datasource(chosen).
		EditorMode(prometheus.QueryEditorModeCode).
		Expr(filled(q.expr))
	if instant {
		p.Instant()
	} else {
		p.Range()
	}
	if asTable { // its columns have names of their own
		return p.Format(prometheus.PromQueryFormatTable)
	}
	return p.LegendFormat(q.legend)
}
