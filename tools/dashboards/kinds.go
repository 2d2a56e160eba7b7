package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	sdkstat "github.com/grafana/grafana-foundation-sdk/go/stat"
	sdktable "github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func colouredBy(mode dashboard.FieldColorModeId) *dashboard.FieldColorBuilder {
	return dashboard.NewFieldColorBuilder().Mode(mode)
}

// last is the last value of each series.
func last() *common.ReduceDataOptionsBuilder {
	return common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}).Fields("").Values(false)
}

// A series that is 0 all the time has its line and no place in the legend: there are many of them, and they would hide those
// that matter.
func asGraph(p panel) (dashboard.Panel, error) {
	b := timeseries.NewPanelBuilder().
		ColorScheme(colouredBy(dashboard.FieldColorModeIdPaletteClassic)).
		Min(0).
		WithOverride(dashboard.MatcherConfig{Id: "byValue", Options: map[string]any{"reducer": "allIsZero", "op": "gte", "value": 0}},
			[]dashboard.DynamicConfigValue{{Id: "custom.hideFrom", Value: map[string]any{"legend": true, "tooltip": true, "viz": false}}}).
		DrawStyle(common.GraphDrawStyleLine).
		LineWidth(1).
		FillOpacity(8).
		ShowPoints(common.VisibilityModeAuto). // a value between gaps is a point, not a line
		PointSize(3).
		SpanNulls(common.BoolOrFloat64{Bool: of(false)}).
		Legend(common.NewVizLegendOptionsBuilder().
			DisplayMode(common.LegendDisplayModeTable).
			Placement(common.LegendPlacementBottom).
			ShowLegend(true).
			Calcs([]string{"lastNotNull", "max"})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	if p.fault {
		b.ColorScheme(colouredBy(dashboard.FieldColorModeIdShades).FixedColor("orange"))
	}
	if p.counts() {
		// Else Grafana shows nothing but zeros on an axis up to 100, and one of something with marks at 0.2 and 0.4.
		b.AxisSoftMax(5)
	}
	if p.line {
		b.ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeLine))
	}
	if p.stack {
		b.Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A")).FillOpacity(60)
	}
	if p.points {
		b.DrawStyle(common.GraphDrawStyleBars).FillOpacity(60)
	}
	return b.Build()
}

func asTile(p panel) (dashboard.Panel, error) {
	b := sdkstat.NewPanelBuilder().
		ColorScheme(colouredBy(dashboard.FieldColorModeIdThresholds)).
		ColorMode(common.BigValueColorModeBackground).
		GraphMode(common.BigValueGraphModeNone).
		JustifyMode(common.BigValueJustifyModeCenter).
		Orientation(common.VizOrientationAuto).
		WideLayout(true).
		ReduceOptions(last()).
		TextMode(common.BigValueTextModeValue)
	if p.ask[0].legend != "" {
		b.TextMode(common.BigValueTextModeValueAndName)
	}
	return b.Build()
}

// asBars shows shares of 1.
func asBars(panel) (dashboard.Panel, error) {
	return bargauge.NewPanelBuilder().
		ColorScheme(colouredBy(dashboard.FieldColorModeIdThresholds)).
		DisplayMode(common.BarGaugeDisplayModeBasic).
		ValueMode(common.BarGaugeValueModeText).
		Orientation(common.VizOrientationHorizontal).
		ShowUnfilled(true).
		Min(0).
		Max(1).
		Decimals(1).
		ReduceOptions(last()).
		Build()
}

// asTable shows each query's value in a column of its own, which is called as the query's legend.
func asTable(p panel) (dashboard.Panel, error) {
	b := sdktable.NewPanelBuilder().
		Align(common.FieldTextAlignmentAuto).
		CellHeight(common.TableCellHeightSm).
		MinWidth(70). // Grafana's 150 pixels push the last of six columns, the one that counts, out of half a page
		ShowHeader(true)
	excluded, renamed := map[string]bool{"Time": true}, map[string]string{}
	for _, name := range p.hide {
		excluded[name] = true
	}
	if len(p.ask) == 1 {
		renamed["Value"] = p.ask[0].legend
	} else {
		b.WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}})
		for i, q := range p.ask {
			if q.legend != "" { // else only its labels are shown
				renamed[fmt.Sprintf("Value #%c", 'A'+i)] = q.legend
			}
		}
	}
	b.WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
		"excludeByName": excluded, "renameByName": renamed,
	}})
	if p.sortBy != "" {
		b.SortBy([]cog.Builder[common.TableSortByFieldState]{
			common.NewTableSortByFieldStateBuilder().DisplayName(p.sortBy).Desc(true),
		})
	}
	return b.Build()
}
