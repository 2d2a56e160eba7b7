// The kinds of panel, each drawn by Grafana's own component for it.
import React from 'react';
import { getDisplayValueAlignmentFactors, getFieldDisplayValues, renderMarkdown, VizOrientation } from '@grafana/data';
import { BarGauge, BigValue, BigValueTextMode, TimeSeries, useTheme2, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

// edgeToEdge are the kinds that leave no room between their content and the panel's frame.
export const edgeToEdge = new Set(['stat']);

export const kinds = { timeseries: Graph, stat: Tiles, bargauge: Bars, table: Rows, text: Words };

function Graph({ panel, frames, range, marks, width, height, timeZone }) {
  const theme = useTheme2();
  const series = frames.filter(f => f.fields.some(x => x.type === 'number')).map(finite);
  if (series.length === 0) return <NoData panel={panel} width={width} height={height} />;
  const legend = { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [], ...panel.options?.legend };
  return (
    <TimeSeries frames={series} structureRev={1} timeRange={range} timeZone={timeZone} width={width} height={height} legend={legend} options={panel.options}>
      {config => {
        config.addHook('draw', u => marks.forEach(mark => show(u, mark, theme)));
        return null;
      }}
    </TimeSeries>
  );
}

// finite is a frame with gaps in the place of what is no number: one of those takes the axis away. Grafana's panel does so, too.
function finite(frame) {
  return { ...frame, fields: frame.fields.map(f => f.type === 'number' ? { ...f, values: f.values.map(v => Number.isFinite(v) ? v : null) } : f) };
}

// show draws an annotation: a dashed line at its time, or two with a shade in between.
function show(u, { from, to, color }, theme) {
  const { ctx, bbox } = u;
  const [left, right] = [from, to].map(time => Math.round(u.valToPos(time, 'x', true)));
  const bottom = bbox.top + bbox.height;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = theme.visualization.getColorByName(color ?? 'red');
  ctx.lineWidth = 2;
  ctx.setLineDash([5, 5]);
  for (const x of new Set([left, right])) {
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bottom);
    ctx.stroke();
  }
  ctx.beginPath();
  ctx.moveTo(left - 5, bottom + 5);
  ctx.lineTo(right + 5, bottom + 5);
  ctx.lineTo(right, bottom);
  ctx.lineTo(left, bottom);
  ctx.fill();
  ctx.globalAlpha = 0.1;
  ctx.fillRect(left, bbox.top, right - left, bbox.height);
  ctx.restore();
}

function valuesOf({ panel, frames, config, timeZone, replace, theme }, sparkline) {
  return () => getFieldDisplayValues({ data: frames, fieldConfig: config.source, reduceOptions: { calcs: ['lastNotNull'], ...panel.options?.reduceOptions },
    replaceVariables: replace, theme, timeZone, sparkline });
}

function Tiles(props) {
  const theme = useTheme2();
  const { panel, frames, width, height } = props;
  const options = { colorMode: 'value', graphMode: 'area', justifyMode: 'auto', textMode: 'auto', orientation: 'auto', ...panel.options };
  const textMode = options.textMode === 'auto' && (panel.fieldConfig?.defaults?.displayName || !panel.title) ? BigValueTextMode.ValueAndName : options.textMode;
  return (
    <VizRepeater source={frames} renderCounter={0} autoGrid width={width} height={height} orientation={options.orientation}
      getValues={valuesOf({ ...props, theme }, options.graphMode !== 'none')} getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, width, height, count, alignmentFactors }) => (
        <BigValue value={value.display} sparkline={value.sparkline} count={count} width={width} height={height} theme={theme} alignmentFactors={alignmentFactors}
          colorMode={options.colorMode} graphMode={options.graphMode} justifyMode={options.justifyMode} textMode={textMode} text={options.text} wideLayout={options.wideLayout ?? true} />
      )} />
  );
}

function Bars(props) {
  const theme = useTheme2();
  const { panel, frames, width, height } = props;
  const options = { displayMode: 'gradient', valueMode: 'color', namePlacement: 'auto', showUnfilled: true, orientation: 'auto',
    minVizWidth: 8, minVizHeight: 16, maxVizHeight: 300, ...panel.options };
  const orientation = options.orientation !== 'auto' ? options.orientation : width > height ? VizOrientation.Vertical : VizOrientation.Horizontal;
  return (
    <VizRepeater source={frames} renderCounter={0} width={width} height={height} orientation={orientation} itemSpacing={options.displayMode === 'lcd' ? 2 : 10}
      minVizWidth={options.minVizWidth} minVizHeight={options.minVizHeight} maxVizHeight={options.maxVizHeight}
      getValues={valuesOf({ ...props, theme }, false)} getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, width, height, alignmentFactors, orientation }) => (
        <BarGauge value={value.display} field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex)} text={options.text} width={width} height={height}
          orientation={orientation} theme={theme} alignmentFactors={alignmentFactors} itemSpacing={10} lcdCellWidth={12} displayMode={options.displayMode}
          showUnfilled={options.showUnfilled} valueDisplayMode={options.valueMode} namePlacement={options.namePlacement} />
      )} />
  );
}

function Rows({ panel, frames, config, range, width, height }) {
  const frame = frames[0];
  if (!frame?.length) return <NoData panel={panel} width={width} height={height} />;
  return (
    <TableNG data={frame} width={width} height={height} noHeader={panel.options?.showHeader === false} sortBy={panel.options?.sortBy} cellHeight={panel.options?.cellHeight}
      fieldConfig={config.source} timeRange={range} structureRev={1} enableVirtualization={false} />
  );
}

function Words({ panel, replace }) {
  return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: renderMarkdown(replace(panel.options?.content)) }} />;
}

function NoData({ panel, width, height }) {
  return <div style={{ width, height, display: 'flex', alignItems: 'center', justifyContent: 'center' }}>{panel.fieldConfig?.defaults?.noValue ?? 'No data'}</div>;
}
