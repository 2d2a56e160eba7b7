// What the page in the browser asks for: itself, the dashboards, Grafana's icons and font, and Prometheus' answers.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { basename, dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const types = { '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.json': 'application/json' };
const installed = path => join(here, 'node_modules', path);

const html = `<!doctype html><meta charset="utf-8"><title>Dashboard</title>
<link rel="stylesheet" href="/page.css">
<style>[role=grid] { content-visibility: visible !important } /* else a table is painted some time after it can be seen */</style>
<div id="dashboard"></div><script src="/page.js"></script>`;

// bundle is the page's program and its style sheet.
async function bundle() {
  const made = await build({
    entryPoints: [join(here, 'page/main.jsx')], bundle: true, write: false, outdir: '/',  format: 'iife', minify: true, jsx: 'automatic', logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'window' },
    loader: { '.svg': 'text', '.woff2': 'empty', '.png': 'empty', '.ttf': 'empty' },
  });
  return Object.fromEntries(made.outputFiles.map(f => [extname(f.path), f.contents]));
}

// serve answers on loopback until it is closed. dashboards maps names to files.
export async function serve({ dashboards, prometheus, wanted }) {
  const page = await bundle();
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://localhost');
    const send = (content, type) => { response.setHeader('content-type', type); response.end(content); };
    try {
      if (url.pathname === '/') return send(html, 'text/html');
      if (url.pathname === '/page.js') return send(page['.js'], 'text/javascript');
      if (url.pathname === '/page.css') return send(page['.css'] ?? '', 'text/css');
      if (url.pathname === '/wanted') return send(JSON.stringify(wanted), types['.json']);
      if (url.pathname.startsWith('/public/fonts/inter/')) return send(await readFile(installed('@fontsource-variable/inter/files/inter-latin-opsz-normal.woff2')), types['.woff2']);
      if (url.pathname.startsWith('/dashboards/')) return send(await readFile(dashboards[basename(url.pathname)]), types['.json']);
      if (url.pathname.startsWith('/prometheus/')) {
        const answer = await fetch(prometheus.replace(/\/$/, '') + url.pathname.slice('/prometheus'.length) + url.search);
        response.statusCode = answer.status;
        return send(await answer.text(), types['.json']);
      }
      const icon = /^\/public\/build\/(img\/icons\/[\w/-]+\.svg)$/.exec(url.pathname);
      if (icon) return send(await readFile(installed(join('@grafana/ui/dist/public', normalize(icon[1])))), types[extname(icon[1])]);
      response.statusCode = 404;
      response.end();
    } catch (failed) {
      response.statusCode = 500;
      send(JSON.stringify({ status: 'error', error: String(failed) }), types['.json']);
    }
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}
