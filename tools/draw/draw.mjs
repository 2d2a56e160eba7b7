// Draws dashboards with Grafana's own panels, in Chromium, and says which panels have no data.
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';

const help = `usage: node draw.mjs [options] DASHBOARD.json...

Asks a Prometheus for what each panel of each dashboard shows, and draws it into
OUT/dashboard-NAME-light.webp and OUT/dashboard-NAME-dark.webp; NAME is the file's, without
legate-. Prints each panel's number of series, and the queries that are empty. Exit code 1 if a
query or a panel fails.

  --prometheus URL   the Prometheus to ask (http://127.0.0.1:9090)
  --out DIR          where the pictures go (.)
  --from, --to TIME  RFC 3339 (the last 30 minutes)
  --minutes N        instead of --from: how long before --to
  --var NAME=VALUE   a variable's value, as often as is needed; without it: all, or the first
  --width N          of the dashboard, in CSS pixels (1400)
  --theme NAME       light or dark only
  --format NAME      webp, png or jpeg (webp)
  --quality N        of webp and jpeg, 1 to 100 (60)
`;

async function main() {
  const { values: o, positionals: files } = parseArgs({ allowPositionals: true, options: {
    prometheus: { type: 'string', default: 'http://127.0.0.1:9090' }, out: { type: 'string', default: '.' }, from: { type: 'string' }, to: { type: 'string' },
    minutes: { type: 'string', default: '30' }, var: { type: 'string', multiple: true, default: [] }, width: { type: 'string', default: '1400' },
    theme: { type: 'string' }, format: { type: 'string', default: 'webp' }, quality: { type: 'string', default: '60' }, help: { type: 'boolean', short: 'h' },
  } });
  if (o.help || files.length === 0) {
    console.log(help);
    return o.help ? 0 : 2;
  }
  // Only now: --help works before npm ci.
  const { openBrowser } = await import('./browser.mjs');
  const { serve } = await import('./server.mjs');
  const to = o.to ? Date.parse(o.to) : Date.now();
  const from = o.from ? Date.parse(o.from) : to - 60_000 * Number(o.minutes);
  const variables = {};
  for (const [name, value] of o.var.map(v => v.split(/=(.*)/s))) (variables[name] ??= []).push(value);
  const dashboards = Object.fromEntries(files.map(f => [basename(f, '.json'), f]));
  mkdirSync(o.out, { recursive: true });
  const server = await serve({ dashboards, prometheus: o.prometheus, wanted: { from, to, variables, width: Number(o.width) } });
  const browser = await openBrowser();
  let failed = false;
  try {
    for (const name of Object.keys(dashboards)) {
      for (const theme of o.theme ? [o.theme] : ['light', 'dark']) {
        const drawn = await draw(browser, `${server.url}?dashboard=${name}&theme=${theme}`, Number(o.width));
        const { data } = await browser.call('Page.captureScreenshot', { format: o.format, captureBeyondViewport: true, ...o.format === 'png' ? {} : { quality: Number(o.quality) },
          clip: { x: 0, y: 0, width: Number(o.width) + 32, height: drawn.height, scale: 1 } });
        const picture = Buffer.from(data, 'base64');
        const file = join(o.out, `dashboard-${name.replace(/^legate-/, '')}-${theme}.${o.format}`);
        writeFileSync(file, picture);
        if (tell(file, picture.length, drawn, theme === 'light' || Boolean(o.theme), browser.complaints.splice(0))) failed = true;
      }
    }
  } finally {
    await browser.close();
    server.close();
  }
  return failed ? 1 : 0;
}

// draw opens the page and waits until it has drawn.
async function draw(browser, url, width) {
  const size = height => browser.call('Emulation.setDeviceMetricsOverride', { width: width + 32, height, deviceScaleFactor: 1, mobile: false });
  await size(1000);
  await browser.call('Page.navigate', { url });
  for (const end = Date.now() + 120_000; Date.now() < end; await new Promise(r => setTimeout(r, 200))) {
    const said = await browser.value('window.drawn');
    if (!said) continue;
    const { drawn, failed } = JSON.parse(said);
    if (failed) throw new Error(failed);
    const height = await browser.value('document.querySelector("main").offsetHeight');
    await size(height); // tables are painted only where they can be seen
    await new Promise(r => setTimeout(r, 500));
    return { panels: drawn, height };
  }
  throw new Error(`${url} is not drawn after two minutes: ${browser.complaints.join('; ')}`);
}

// tell prints what was drawn, and returns whether any of it failed.
function tell(file, size, { panels }, whole, complaints) {
  console.log(`${file}  ${Math.ceil(size / 1000)} kB`);
  for (const p of whole ? panels : []) {
    const shows = `${p.kind}, ${p.series} ${p.kind === 'table' ? 'rows' : 'series'}${p.empty.length > 0 ? `; empty: ${p.empty.join(', ')}` : ''}`;
    console.log(`  ${p.title}  ${p.error ? `FAILS: ${p.error}` : shows}`);
  }
  for (const c of complaints) console.log(`  the page says: ${c}`);
  return complaints.length > 0 || panels.some(p => p.error);
}

process.exitCode = await main();
