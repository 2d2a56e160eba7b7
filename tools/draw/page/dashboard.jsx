// A dashboard: its heading, and its panels in Grafana's grid.
import React from 'react';
import { EventBusSrv } from '@grafana/data';
import { Icon, LinkButton, PanelChrome, PanelContextProvider, useTheme2 } from '@grafana/ui';
import { edgeToEdge, kinds } from './panels.jsx';
import { forTitle, replace } from './variables.mjs';

// Grafana's grid: columns, a row's height, and the room between panels, in CSS pixels.
const columns = 24, row = 30, gap = 8;

export const widthOf = ({ w }, width) => Math.floor((width - gap * (columns - 1)) / columns * w + gap * (w - 1));
const heightOf = h => row * h + gap * (h - 1);

export function Dashboard({ dashboard, panels, variables, range, marks, width }) {
  const theme = useTheme2();
  const bottom = Math.max(0, ...panels.map(({ panel: { gridPos: g } }) => g.y + g.h));
  return (
    <main style={{ background: theme.colors.background.canvas, color: theme.colors.text.primary, padding: 16, width: width + 32 }}>
      <Heading dashboard={dashboard} variables={variables} range={range} />
      <div style={{ position: 'relative', height: heightOf(bottom) }}>
        {panels.map(drawn => <Cell key={drawn.panel.id} {...{ variables, range, marks, width }} {...drawn} />)}
      </div>
    </main>
  );
}

function Heading({ dashboard, variables, range }) {
  const theme = useTheme2();
  const { colors, shape } = theme;
  const box = { display: 'inline-flex', alignItems: 'center', height: 32, maxWidth: 420, overflow: 'hidden', fontSize: 12,
    border: `1px solid ${colors.border.medium}`, borderRadius: shape.radius.default };
  const shown = Object.values(variables).filter(v => v.type !== 'datasource' && v.hide !== 2);
  return (
    <header style={{ marginBottom: 8 }}>
      <div style={{ display: 'flex', alignItems: 'center', gap: 8, marginBottom: 8 }}>
        <h1 style={{ fontSize: 18, margin: 0, flex: 1 }}>{dashboard.title}</h1>
        <span style={{ ...box, padding: '0 8px', gap: 6 }}><Icon name="clock-nine" /> {range.from.utc().format('YYYY-MM-DD HH:mm')} to {range.to.utc().format('HH:mm')} UTC</span>
      </div>
      <div style={{ display: 'flex', gap: 8, flexWrap: 'wrap' }}>
        {shown.map(v => (
          <span key={v.name} style={box}>
            <span style={{ background: colors.background.secondary, padding: '0 8px', lineHeight: '32px', fontWeight: 500 }}>{v.label}</span>
            <span style={{ padding: '0 8px', whiteSpace: 'nowrap' }}>{forTitle(v) || 'None'}</span>
          </span>
        ))}
        <span style={{ flex: 1 }} />
        {(dashboard.links ?? []).map(l => (
          <LinkButton key={l.title} variant="secondary" fill="outline" href={l.url || '#'} icon={l.type === 'dashboards' ? 'bars' : 'external-link-alt'}>{l.title}</LinkButton>
        ))}
      </div>
    </header>
  );
}

function Cell({ panel, width, variables, ...rest }) {
  const { x, y, w, h } = panel.gridPos;
  const style = { position: 'absolute', left: x * ((width - gap * (columns - 1)) / columns + gap), top: y * (row + gap), width: widthOf(panel.gridPos, width), height: heightOf(h) };
  const title = replace(panel.title, variables, {}, forTitle);
  if (panel.type === 'row') {
    return <div style={{ ...style, display: 'flex', alignItems: 'center', gap: 6, fontWeight: 500 }}><Icon name={panel.collapsed ? 'angle-right' : 'angle-down'} />{title}</div>;
  }
  return <div style={style} data-panel={title}><Panel {...{ panel, title, variables }} {...rest} width={style.width} height={style.height} /></div>;
}

const context = { eventsScope: 'global', eventBus: new EventBusSrv() };

function Panel({ panel, title, width, height, variables, error, ...rest }) {
  const Kind = kinds[panel.type];
  return (
    <PanelChrome title={title} description={panel.description} width={width} height={height} displayMode={panel.transparent ? 'transparent' : 'default'}
      titleItems={panel.timeFrom && !panel.hideTimeOverride && <small><Icon name="clock-nine" size="sm" /> Last {panel.timeFrom}</small>}
      padding={edgeToEdge.has(panel.type) ? 'none' : 'md'} statusMessage={error}>
      {(innerWidth, innerHeight) => (
        <PanelContextProvider value={context}>
          <Kind panel={panel} width={innerWidth} height={innerHeight} timeZone="utc" replace={text => replace(text, variables, {}, forTitle)} {...rest} />
        </PanelContextProvider>
      )}
    </PanelChrome>
  );
}
