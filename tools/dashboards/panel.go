package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// kind is how a panel shows what it asks for.
type kind int

const (
	graph kind = iota // lines over time
	tile              // the last values, large, each with a colour
	table             // the last values, a series a line
	bars              // the last values, each as a bar up to its limit
)

// panel is a panel: what somebody on call reads, and what it asks Prometheus. Its looks follow from its kind.
type panel struct {
	kind  kind
	title string
	// says is what the panel shows, what is normal, and what to do otherwise.
	says   string
	w, h   uint32 // in columns of 24, and in lines; 0: as usual for the kind
	unit   string // as Grafana names it
	ask    []query
	limits []limit
	line   bool   // the limits are drawn as lines, too
	empty  string // is shown if there are no values
	shown  []shown
	fields []field
	stack  bool
	points bool   // each value is a bar: it is rare
	fault  bool   // anything above 0 is one: no green
	span   string // shows so much until now, whatever time is selected
	sortBy string // the column by which a table is sorted, the highest first
	hide   []string
}

// query is what a panel asks, and how the answer's series are called. An @ stands for the selected Legates.
type query struct{ expr, legend string }

// limit is the colour of values from a limit on. The first limit of a panel has the colour of all that are lower, and
// of no value.
type limit struct {
	from   float64
	colour string
}

// shown is a text that is shown instead of a value. "nan" stands for no number.
type shown struct{ value, text, colour string }

// field is what is different for one series of a panel, or one column of a table.
type field struct {
	name   string
	unit   string
	colour string
	limits []limit
	shown  []shown
	links  []link
	right  bool // its axis is on the right side
	dashed bool // it is a limit of the others
	alone  bool // it is not put on top of the others
	width  float64
}

// link leads from a value to where there is more to see of it.
type link struct{ title, url string }

// none is the limits of something of which there should be nothing: the colour means some, or unknown.
func none(colour string) []limit { return []limit{{0, colour}, {0, "green"}, {1, colour}} }

// below is the limits of something that should be low.
func below(orange, red float64) []limit {
	return []limit{{0, "green"}, {orange, "orange"}, {red, "red"}}
}

// above is the limits of something that should be high.
func above(red, orange float64) []limit {
	return []limit{{0, "red"}, {red, "orange"}, {orange, "green"}}
}

// counts says whether a panel shows how many there are of something, or come in a minute.
func (p panel) counts() bool { return p.unit == "none" || p.unit == "short" || p.unit == "cpm" }

func (p panel) size() (w, h uint32) {
	usual := map[kind][2]uint32{graph: {8, 8}, tile: {6, 5}, table: {12, 8}, bars: {8, 8}}[p.kind]
	w, h = usual[0], usual[1]
	if p.w > 0 {
		w = p.w
	}
	if p.h > 0 {
		h = p.h
	}
	return w, h
}

// built is a panel with its place. It is a builder of the SDK.
type built struct {
	panel
	id  uint32
	pos dashboard.GridPos
}

func (b built) Build() (dashboard.Panel, error) {
	p, err := map[kind]func(panel) (dashboard.Panel, error){graph: asGraph, tile: asTile, table: asTable, bars: asBars}[b.kind](b.panel)
	if err != nil {
		return dashboard.Panel{}, err
	}
	p.Id, p.Title, p.Description, p.Datasource, p.GridPos = &b.id, &b.title, of(folded(b.says)), &chosen, &b.pos
	for i, q := range b.ask {
		one, err := q.build(string(rune('A'+i)), b.kind != graph, b.kind == table).Build()
		if err != nil {
			return dashboard.Panel{}, err
		}
		p.Targets = append(p.Targets, one)
	}
	if b.span != "" {
		p.TimeFrom = &b.span
	}
	c := &p.FieldConfig.Defaults
	if b.unit != "" {
		c.Unit = &b.unit
	}
	if b.empty != "" {
		c.NoValue = &b.empty
	}
	if b.limits != nil {
		c.Thresholds = thresholds(b.limits)
	}
	if len(b.shown) > 0 {
		c.Mappings = mappings(b.shown)
	}
	for _, f := range b.fields {
		p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, f.override())
	}
	return p, nil
}
