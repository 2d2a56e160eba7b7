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

func asGraph(p panel) (dashboard.Panel, error) {
	b := timeseries.NewPanelBuilder().
		ColorScheme(colouredBy(dashboard.FieldColorModeIdPaletteClassic)).
		Min(0).
		DrawStyle(common.GraphDrawStyleLine).
		LineWidth(1).
		FillOpacity(8).
		ShowPoints(common.VisibilityModeNever).
		SpanNulls(common.BoolOrFloat64{Bool: of(false)}).
		Legend(common.NewVizLegendOptionsBuilder().
			DisplayMode(common.LegendDisplayModeTable).
			Placement(common.LegendPlacementBottom).
			ShowLegend(true).
			Calcs([]string{"lastNotNull", "max"})).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
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

func asBars(panel) (dashboard.Panel, error) {
	return bargauge.NewPanelBuilder().
		ColorScheme(colouredBy(dashboard.FieldColorModeIdThresholds)).
		DisplayMode(common.BarGaugeDisplayModeBasic).
		ValueMode(common.BarGaugeValueModeText).
		Orientation(common.VizOrientationHorizontal).
		ShowUnfilled(true).
		Min(0).
		ReduceOptions(last()).
		Build()
}

// asTable shows each query's value in a column of its own, which is called as the query's legend.
func asTable(p panel) (dashboard.Panel, error) {
	b := sdktable.NewPanelBuilder().
		Align(common.FieldTextAlignmentAuto).
		CellHeight(common.TableCellHeightSm).
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
			renamed[fmt.Sprintf("Value #%c", 'A'+i)] = q.legend
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
