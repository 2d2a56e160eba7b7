// What the JSON of a dashboard says about fields, as Grafana's field config: names, units, limits, thresholds, mappings,
// colours, and what only one kind of panel knows.
import {
  booleanOverrideProcessor, dataLinksOverrideProcessor, displayNameOverrideProcessor, FieldConfigOptionsRegistry, identityOverrideProcessor,
  numberOverrideProcessor, stringOverrideProcessor, thresholdsOverrideProcessor, unitOverrideProcessor, valueMappingsOverrideProcessor,
} from '@grafana/data';

const standard = {
  unit: unitOverrideProcessor, min: numberOverrideProcessor, max: numberOverrideProcessor, decimals: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor, noValue: stringOverrideProcessor, color: identityOverrideProcessor,
  thresholds: thresholdsOverrideProcessor, mappings: valueMappingsOverrideProcessor, links: dataLinksOverrideProcessor,
  fieldMinMax: booleanOverrideProcessor, filterable: booleanOverrideProcessor, description: stringOverrideProcessor,
};

// What Grafana's kinds of panel take where the JSON is silent.
const custom = {
  timeseries: {
    drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none', spanNulls: false, showPoints: 'auto', pointSize: 5,
    barAlignment: 0, barWidthFactor: 0.6, stacking: { mode: 'none', group: 'A' }, axisPlacement: 'auto', axisColorMode: 'text', axisGridShow: true,
    scaleDistribution: { type: 'linear' }, hideFrom: { legend: false, tooltip: false, viz: false }, thresholdsStyle: { mode: 'off' },
  },
  table: { align: 'auto', cellOptions: { type: 'auto' }, inspect: false },
};

// configOf is a panel's field config, complete, with the registry of what may be set in it.
export function configOf(panel) {
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  const own = { ...custom[panel.type], ...defaults.custom };
  const registry = new FieldConfigOptionsRegistry();
  for (const [id, process] of Object.entries(standard)) registry.register({ id, path: id, name: id, process, shouldApply: () => true });
  const ids = new Set(Object.keys(own));
  for (const o of overrides) for (const p of o.properties) if (p.id.startsWith('custom.')) ids.add(p.id.slice('custom.'.length));
  for (const path of ids) registry.register({ id: `custom.${path}`, path, name: path, isCustom: true, process: identityOverrideProcessor, shouldApply: () => true });
  return { source: { defaults: { ...defaults, thresholds: based(defaults.thresholds), custom: own }, overrides: overrides.map(withBase) }, registry };
}

// JSON has no -Infinity, where the first step of thresholds begins.
function based(thresholds) {
  const { mode, steps } = thresholds ?? { mode: 'absolute', steps: [{ color: 'green', value: null }, { color: 'red', value: 80 }] };
  return { mode, steps: steps.map((s, n) => n === 0 ? { ...s, value: -Infinity } : s) };
}

function withBase(override) {
  return { ...override, properties: override.properties.map(p => p.id === 'thresholds' ? { ...p, value: based(p.value) } : p) };
}
