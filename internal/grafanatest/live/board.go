package live

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Board is what a dashboard asks Prometheus for.
type Board struct {
	Title     string
	Variables []Variable
	Queries   []Query
}

// Variable is a variable whose values a query finds.
type Variable struct {
	Name, Query string
	Several     bool // more than one value can be selected, and at first all are
}

// Query is a query of a panel, or of the annotations.
type Query struct {
	Panel  string // its title
	Kind   string // of the panel, as Grafana names it; annotation
	RefID  string
	Expr   string // as written
	Legend string // how a series is called
	Last   bool   // only the last values are shown
}

// Boards reads the dashboards of a folder.
func Boards(folder string) ([]Board, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no dashboard in %q", folder)
	}
	if err != nil {
		return nil, err
	}
	var all []Board
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		b, err := boardOf(text)
		if err != nil {
			return nil, fmt.Errorf("dashboard %q: %w", file, err)
		}
		all = append(all, b)
	}
	return all, nil
}

// model is the part of Grafana's JSON model that has queries.
type model struct {
	Title      string
	Templating struct {
		List []struct {
			Name, Type string
			Query      json.RawMessage
			Multi      bool
		}
	}
	Annotations struct {
		List []struct{ Name, Expr, TextFormat string }
	}
	Panels []panel
}

type panel struct {
	Title, Type string
	Targets     []struct {
		RefID, Expr, LegendFormat string
		Instant                   bool
	}
	Panels []panel // of a row that is folded
}

func boardOf(text []byte) (Board, error) {
	var m model
	if err := json.Unmarshal(text, &m); err != nil {
		return Board{}, err
	}
	b := Board{Title: m.Title}
	for _, v := range m.Templating.List {
		switch v.Type {
		case "datasource":
		case "query":
			var q struct{ Query string }
			if err := json.Unmarshal(v.Query, &q); err != nil {
				return Board{}, fmt.Errorf("variable %q: %w", v.Name, err)
			}
			b.Variables = append(b.Variables, Variable{v.Name, q.Query, v.Multi})
		default:
			return Board{}, fmt.Errorf("variable %q: nobody knows the values of type %q here", v.Name, v.Type)
		}
	}
	for _, a := range m.Annotations.List {
		b.Queries = append(b.Queries, Query{Panel: a.Name, Kind: "annotation", Expr: a.Expr, Legend: a.TextFormat})
	}
	b.add(m.Panels)
	return b, nil
}

func (b *Board) add(panels []panel) {
	for _, p := range panels {
		for _, t := range p.Targets {
			b.Queries = append(b.Queries, Query{Panel: p.Title, Kind: p.Type, RefID: t.RefID, Expr: t.Expr, Legend: t.LegendFormat, Last: t.Instant})
		}
		b.add(p.Panels)
	}
}

var inLegend = regexp.MustCompile(`{{\s*(\w+)\s*}}`)

// Called returns how a series with these labels is called.
func (q Query) Called(labels map[string]string) string {
	return strings.TrimSpace(inLegend.ReplaceAllStringFunc(q.Legend, func(m string) string {
		return labels[inLegend.FindStringSubmatch(m)[1]]
	}))
}

func (q Query) String() string { return strings.TrimSpace(q.Kind + " " + q.Panel + " " + q.RefID) }
