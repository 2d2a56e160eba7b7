package grafanatest

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"legate/examples/grafana"
)

// dashboard is the part of Grafana's JSON model that is checked:
// https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model/
type dashboard struct {
	UID           string
	Title         string
	SchemaVersion int
	Templating    struct {
		List []struct {
			Name, Type string
			Datasource source
		}
	}
	Annotations struct {
		List []struct{ Datasource source }
	}
	Panels []panel
}

type panel struct {
	ID          int
	Type        string
	Title       string
	Description string
	Datasource  source
	GridPos     struct{ X, Y, W, H int }
	FieldConfig struct{ Defaults struct{ Unit string } }
	Targets     []struct {
		RefID, Expr string
		Datasource  source
	}
}

type source struct{ Type, UID string }

// chosen is the data source that the user of the dashboard has selected.
var chosen = source{Type: "prometheus", UID: "${datasource}"}

// readDashboards returns the dashboards by the names of their files.
func readDashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := grafana.Dashboards()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]dashboard{}
	for _, f := range files {
		var d dashboard
		if err := json.Unmarshal(f.Content, &d); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		all[f.Name] = d
	}
	return all
}

// panels returns the panels of all dashboards, without the titles of the rows.
func panels(t *testing.T) (all []panel) {
	t.Helper()
	for _, d := range readDashboards(t) {
		for _, p := range d.Panels {
			if p.Type != "row" {
				all = append(all, p)
			}
		}
	}
	return all
}

func TestTheDashboardsAreOfTheSchemaThatGrafanaNeedNotMigrate(t *testing.T) {
	all := readDashboards(t)
	titles := map[string]string{
		"legate-fleet.json": "Legate / Fleet", "legate-node.json": "Legate / Node", "legate-consul.json": "Legate / Consul",
		"legate-services.json": "Legate / Services and policy", "legate-capacity.json": "Legate / Capacity",
	}
	if got, want := slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(titles)); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for file, d := range all {
		if d.Title != titles[file] || d.UID+".json" != file || d.SchemaVersion != 42 {
			t.Errorf("%s: got title %q, uid %q, schemaVersion %d", file, d.Title, d.UID, d.SchemaVersion)
		}
		want := []string{"datasource datasource", "job query", "datacenter query", "instance query"}
		switch file {
		case "legate-node.json":
			want = append(want, "node query")
		case "legate-consul.json":
			want = append(want, "site query", "peer query")
		}
		var got []string
		for _, v := range d.Templating.List {
			got = append(got, v.Name+" "+v.Type)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got variables %q, want %q", file, got, want)
		}
	}
}

func TestEverythingOnADashboardAsksTheChosenPrometheus(t *testing.T) {
	for file, d := range readDashboards(t) {
		for _, v := range d.Templating.List {
			if v.Type == "query" && v.Datasource != chosen {
				t.Errorf("%s: variable %s asks %v", file, v.Name, v.Datasource)
			}
		}
		for _, a := range d.Annotations.List {
			if a.Datasource != chosen {
				t.Errorf("%s: an annotation asks %v", file, a.Datasource)
			}
		}
	}
	for _, p := range panels(t) {
		if p.Datasource != chosen || len(p.Targets) == 0 {
			t.Errorf("panel %q asks %v with %d queries", p.Title, p.Datasource, len(p.Targets))
		}
		for _, q := range p.Targets {
			if q.Datasource != chosen || q.RefID == "" || q.Expr == "" {
				t.Errorf("panel %q: query %+v", p.Title, q)
			}
		}
	}
}

func TestEachPanelSaysWhatIsNormalAndHasAUnit(t *testing.T) {
	for file, d := range readDashboards(t) {
		seen := map[string]bool{}
		for _, p := range d.Panels {
			if p.Type == "row" {
				continue
			}
			if !strings.Contains(p.Description, "Normal: ") {
				t.Errorf("%s, panel %q: %q does not say what is normal", file, p.Title, p.Description)
			}
			if p.Type != "table" && p.FieldConfig.Defaults.Unit == "" {
				t.Errorf("%s, panel %q has no unit", file, p.Title)
			}
			if seen[p.Title] {
				t.Errorf("%s: two panels are called %q", file, p.Title)
			}
			seen[p.Title] = true
		}
	}
}

// A link that leads to another dashboard names its uid.
func TestLinksBetweenDashboardsLeadSomewhere(t *testing.T) {
	files, err := grafana.Dashboards()
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, f := range files {
		for _, m := range regexp.MustCompile(`"/d/([a-z-]+)`).FindAllStringSubmatch(string(f.Content), -1) {
			links++
			if !slices.ContainsFunc(files, func(to grafana.File) bool { return to.Name == m[1]+".json" }) {
				t.Errorf("%s: there is no dashboard %q", f.Name, m[1])
			}
		}
	}
	if links == 0 {
		t.Error("no links found")
	}
}

func TestPanelsHaveOneIDEachAndDoNotLieOnEachOther(t *testing.T) {
	for file, d := range readDashboards(t) {
		t.Run(file, func(t *testing.T) { laidOut(t, d.Panels) })
	}
}

func laidOut(t *testing.T, panels []panel) {
	const columns = 24
	ids := map[int]string{}
	cells := map[[2]int]string{}
	for _, p := range panels {
		if other, taken := ids[p.ID]; taken || p.ID < 1 {
			t.Errorf("%q and %q have the id %d", p.Title, other, p.ID)
		}
		ids[p.ID] = p.Title
		g := p.GridPos
		if g.X < 0 || g.W < 1 || g.H < 1 || g.X+g.W > columns {
			t.Errorf("%q lies at %+v, outside of %d columns", p.Title, g, columns)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, taken := cells[[2]int{x, y}]; taken {
					t.Errorf("%q lies on %q", p.Title, other)
					break
				}
				cells[[2]int{x, y}] = p.Title
			}
		}
	}
}
