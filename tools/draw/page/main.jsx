// The page: it reads a dashboard, asks Prometheus, draws, and says in window.drawn what it has drawn.
import React from 'react';
import { createRoot } from 'react-dom/client';
import { applyFieldOverrides, cacheFieldDisplayNames, createTheme, dateTime, rangeUtil, standardTransformers, standardTransformersRegistry, ThemeContext, transformDataFrame } from '@grafana/data';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import { firstValueFrom } from 'rxjs';
import { Dashboard, widthOf } from './dashboard.jsx';
import { configOf } from './fields.mjs';
import { kinds } from './panels.jsx';
import { readAnnotations, readVariables, run } from './prometheus.mjs';
import { forTitle, replace } from './variables.mjs';

async function main() {
  const wanted = await (await fetch('/wanted')).json();
  const theme = createTheme({ colors: { mode: new URLSearchParams(location.search).get('theme') } });
  const range = { from: dateTime(wanted.from), to: dateTime(wanted.to), raw: { from: dateTime(wanted.from), to: dateTime(wanted.to) } };
  const transformers = new Map(Object.values(standardTransformers).map(t => [t.id, t])); // one of them is there under two names
  standardTransformersRegistry.setInit(() => [...transformers.values()].map(t => ({ id: t.id, name: t.name, transformation: async () => t })));
  const dashboard = await (await fetch(`/dashboards/${new URLSearchParams(location.search).get('dashboard')}`)).json();
  const variables = await readVariables(dashboard, range, wanted.variables);
  const marks = await readAnnotations(dashboard, variables, range);
  const panels = [];
  for (const panel of unfolded(dashboard.panels)) panels.push(panel.type === 'row' ? { panel } : await prepare(panel, { variables, range, theme, width: wanted.width }));
  const shown = { dashboard, panels, variables, range, marks, width: wanted.width };
  const root = createRoot(document.getElementById('dashboard'));
  const render = content => root.render(<ThemeContext.Provider value={theme}><GlobalStyles />{content}<PortalContainer /></ThemeContext.Provider>);
  render(null);
  // Graphs measure their text once, so the font has to be there before; React needs a moment until it is known.
  for (const weight of [400, 500]) while ((await document.fonts.load(`${weight} 12px Inter`)).length === 0) await new Promise(requestAnimationFrame);
  render(<Dashboard {...shown} />);
  await new Promise(done => setTimeout(done, 1500)); // icons are read, and graphs drawn, after React is done
  return panels.filter(p => p.panel.type !== 'row').map(({ panel, frames, empty, error }) => ({
    title: replace(panel.title, variables, {}, forTitle), kind: panel.type, error, empty,
    series: frames.reduce((n, f) => n + (panel.type === 'table' ? f.length : f.fields.filter(x => x.type === 'number').length), 0),
  }));
}

// unfolded puts the panels of folded rows below their rows.
function unfolded(panels) {
  let down = 0;
  return panels.flatMap(panel => {
    const at = { ...panel, gridPos: { ...panel.gridPos, y: panel.gridPos.y + down } };
    if (panel.type !== 'row' || !panel.collapsed || !panel.panels?.length) return [at];
    const top = Math.min(...panel.panels.map(p => p.gridPos.y));
    const inside = panel.panels.map(p => ({ ...p, gridPos: { ...p.gridPos, y: p.gridPos.y - top + at.gridPos.y + 1 } }));
    down += Math.max(...inside.map(p => p.gridPos.y + p.gridPos.h)) - at.gridPos.y - 1;
    return [{ ...at, collapsed: false }, ...inside];
  });
}

// rangeOf is the time that a panel shows: its own, where it has one.
function rangeOf({ timeFrom }, { from, to, raw }) {
  return timeFrom ? { from: dateTime(to.valueOf() - rangeUtil.intervalToMs(timeFrom)), to, raw } : { from, to, raw };
}

// prepare asks for a panel's data and makes of it what the panel shows.
async function prepare(panel, { variables, range, theme, width }) {
  if (!kinds[panel.type]) throw new Error(`panel "${panel.title}": Grafana's packages on npm have no ${panel.type}; take one of ${Object.keys(kinds).join(', ')}`);
  const config = configOf(panel);
  const replaceVariables = text => replace(text, variables, {}, forTitle);
  const own = rangeOf(panel, range);
  try {
    const { frames, empty } = await run(panel, variables, own, widthOf(panel.gridPos, width));
    const changed = await firstValueFrom(transformDataFrame(panel.transformations ?? [], frames, { interpolate: replaceVariables }));
    const shown = applyFieldOverrides({ data: changed, fieldConfig: config.source, fieldConfigRegistry: config.registry, replaceVariables, theme, timeZone: 'utc' });
    cacheFieldDisplayNames(shown);
    return { panel, config, empty, frames: shown, range: own };
  } catch (failed) {
    return { panel, config, empty: [], frames: [], error: failed.message, range: own };
  }
}

main().then(drawn => { window.drawn = JSON.stringify({ drawn }); }, failed => { window.drawn = JSON.stringify({ failed: String(failed.stack ?? failed) }); });
