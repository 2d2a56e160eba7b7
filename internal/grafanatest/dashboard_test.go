package grafanatest

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
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
	Targets     []struct {
		RefID, Expr string
		Datasource  source
	}
}

type source struct{ Type, UID string }

// chosen is the data source that the user of the dashboard has selected.
var chosen = source{Type: "prometheus", UID: "${datasource}"}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	raw, err := os.ReadFile("../../examples/grafana/legate-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheDashboardIsOfTheSchemaThatGrafanaNeedNotMigrate(t *testing.T) {
	d := readDashboard(t)
	if d.Title != "Legate" || d.UID != "legate" || d.SchemaVersion != 42 {
		t.Errorf("got title %q, uid %q, schemaVersion %d", d.Title, d.UID, d.SchemaVersion)
	}
	want := []string{"datasource datasource", "job query", "instance query"}
	var got []string
	for _, v := range d.Templating.List {
		got = append(got, v.Name+" "+v.Type)
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("got variables %q, want %q", got, want)
	}
}

func TestEverythingOnTheDashboardAsksTheChosenPrometheus(t *testing.T) {
	d := readDashboard(t)
	for _, v := range d.Templating.List {
		if v.Type == "query" && v.Datasource != chosen {
			t.Errorf("variable %s asks %v", v.Name, v.Datasource)
		}
	}
	for _, a := range d.Annotations.List {
		if a.Datasource != chosen {
			t.Errorf("an annotation asks %v", a.Datasource)
		}
	}
	for _, p := range d.Panels {
		if p.Type == "row" {
			continue
		}
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

func TestEachPanelSaysWhatIsNormal(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range readDashboard(t).Panels {
		if p.Type == "row" {
			continue
		}
		if !strings.Contains(p.Description, "Normal: ") {
			t.Errorf("panel %q: %q does not say what is normal", p.Title, p.Description)
		}
		if seen[p.Title] {
			t.Errorf("two panels are called %q", p.Title)
		}
		seen[p.Title] = true
	}
}

func TestPanelsHaveOneIDEachAndDoNotLieOnEachOther(t *testing.T) {
	const columns = 24
	ids := map[int]string{}
	cells := map[[2]int]string{}
	for _, p := range readDashboard(t).Panels {
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
