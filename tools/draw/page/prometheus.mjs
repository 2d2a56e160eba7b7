// Questions to Prometheus as Grafana asks them, and its answers as Grafana's data frames.
import { createDataFrame, FieldType, rangeUtil, renderLegendFormat } from '@grafana/data';
import { chosen, labelValues, ofRegex, replace } from './variables.mjs';

const scrapeInterval = '15s'; // Grafana's own default, where a data source names none

// ask returns Prometheus' answer, or fails with its words.
async function ask(path, parameters) {
  const answer = await fetch(`/prometheus/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const body = await answer.json();
  if (body.status !== 'success') throw new Error(body.error ?? answer.statusText);
  return body.data;
}

// readVariables asks for the options of each variable, in their order: one may name those before it.
export async function readVariables(dashboard, range, wanted) {
  const variables = {};
  for (const definition of dashboard.templating?.list ?? []) {
    const options = await optionsOf(definition, variables, range);
    variables[definition.name] = { ...chosen(definition, options, wanted[definition.name]), type: definition.type };
  }
  return variables;
}

async function optionsOf(definition, variables, range) {
  if (definition.type !== 'query') {
    return [].concat(definition.query ?? []).flatMap(q => String(q.query ?? q).split(',')).map(o => o.trim()).filter(Boolean);
  }
  const query = replace(definition.query?.query ?? definition.query ?? definition.definition, variables);
  const times = { start: range.from.valueOf() / 1000, end: range.to.valueOf() / 1000 };
  const found = labelValues(query);
  if (!found) throw new Error(`variable ${definition.name}: this program reads only label_values(…), not ${query}`);
  const options = await ask(`label/${found.label}/values`, found.selector ? { ...times, 'match[]': found.selector } : times);
  return ofRegex(options, definition.regex).sort();
}

// steps is how far points are apart in a panel that is this wide, and what $__rate_interval is then.
export function steps(range, width, least) {
  const low = Math.max(rangeUtil.intervalToMs(scrapeInterval), least ? rangeUtil.intervalToMs(least) : 0);
  const interval = Math.max(rangeUtil.calculateInterval(range, Math.max(1, Math.floor(width)), `${low}ms`).intervalMs, low);
  const scrape = least ? rangeUtil.intervalToMs(least) : rangeUtil.intervalToMs(scrapeInterval);
  return { interval, rate: Math.max(interval + scrape, 4 * scrape) };
}

// run answers a panel's queries, and says which of them are empty.
export async function run(panel, variables, range, width) {
  const targets = (panel.targets ?? []).filter(t => !t.hide && t.expr);
  const { interval, rate } = steps(range, panel.maxDataPoints ?? width, replace(panel.interval, variables) || undefined);
  const span = Math.round((range.to.valueOf() - range.from.valueOf()) / 1000); // Prometheus knows no fractions of a second
  const builtin = { __interval: `${interval / 1000}s`, __interval_ms: interval, __rate_interval: `${rate / 1000}s`, __rate_interval_ms: rate,
    __range: `${span}s`, __range_s: span, __range_ms: 1000 * span };
  const frames = [], empty = [];
  for (const [n, target] of targets.entries()) {
    const query = replace(target.expr, variables, builtin);
    const step = interval / 1000;
    const data = target.instant && !target.range
      ? await ask('query', { query, time: range.to.valueOf() / 1000 })
      : await ask('query_range', { query, step, start: Math.floor(range.from.valueOf() / 1000 / step) * step, end: Math.floor(range.to.valueOf() / 1000 / step) * step });
    if (data.result.length === 0) empty.push(target.legendFormat || target.refId || String(n));
    const name = targets.length > 1 ? `Value #${target.refId}` : 'Value';
    if (target.format === 'table') frames.push(tableOf(data, target, name));
    else frames.push(...seriesOf(data, target, query, step));
  }
  return { frames, empty };
}

const points = one => one.values ?? [one.value];
const number = text => text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);

function seriesOf(data, target, query, step) {
  if (data.resultType === 'scalar') data = { result: [{ metric: {}, value: data.result }] };
  return data.result.map(one => createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: points(one).map(p => p[0] * 1000), config: one.values ? { interval: step * 1000 } : {} },
      { name: 'Value', type: FieldType.number, labels: without(one.metric), values: points(one).map(p => number(p[1])), config: named(one.metric, target, query) },
    ],
  }));
}

function without({ __name__, ...labels }) {
  return labels;
}

// named is what a series is called: by the legend that the query has, or by its labels.
function named(metric, { legendFormat }, query) {
  const labels = without(metric);
  const text = Object.entries(labels).map(([k, v]) => `${k}="${v}"`).join(', ');
  let name = `${metric.__name__ ?? ''}${text || !metric.__name__ ? `{${text}}` : ''}`;
  if (legendFormat === '__auto') name = text ? '' : name;
  else if (legendFormat) name = renderLegendFormat(legendFormat, metric);
  if (name === '{}') name = query;
  return name ? { displayNameFromDS: name } : {};
}

function tableOf(data, target, name) {
  const labels = [...new Set(data.result.flatMap(one => Object.keys(one.metric)))].sort();
  const rows = data.result.flatMap(one => points(one).map(p => [one.metric, p]));
  return createDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: rows.map(r => r[1][0] * 1000), config: {} },
      ...labels.map(label => ({ name: label, type: FieldType.string, values: rows.map(r => r[0][label] ?? ''), config: { filterable: true } })),
      { name, type: FieldType.number, values: rows.map(r => number(r[1][1])), config: {} },
    ],
  });
}

// readAnnotations are the marks on all graphs: from when until when, in milliseconds, with a colour.
export async function readAnnotations(dashboard, variables, range) {
  const marks = [];
  for (const a of dashboard.annotations?.list ?? []) {
    const expr = a.expr ?? a.target?.expr;
    if (!a.enable || !expr) continue;
    const step = rangeUtil.intervalToMs(a.step || '60s') / 1000;
    const start = Math.floor(range.from.valueOf() / 1000 / step) * step;
    const data = await ask('query_range', { query: replace(expr, variables, { __interval: `${step}s` }), step, start, end: range.to.valueOf() / 1000 });
    for (const one of data.result) {
      let last;
      for (const [time, text] of one.values) {
        const at = a.useValueForTime === true || a.useValueForTime === 'on' ? number(text) : time * 1000;
        if (number(text) < 1 || at < range.from.valueOf() || at > range.to.valueOf()) continue;
        // Values that follow each other are one event, and so is a time that is said again.
        if (last && (at === last.to || at === last.to + step * 1000)) last.to = at;
        else marks.push(last = { from: at, to: at, color: a.iconColor });
      }
    }
  }
  return marks.filter((m, n) => marks.findIndex(o => o.color === m.color && Math.abs(o.from - m.from) < 1000) === n);
}
