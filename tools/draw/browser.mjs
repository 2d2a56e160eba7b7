// A Chromium with one page, controlled over its DevTools protocol: https://chromedevtools.github.io/devtools-protocol/
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

function program() {
  const found = names.flatMap(name => (process.env.PATH ?? '').split(delimiter).map(folder => join(folder, name))).find(existsSync);
  if (!found) throw new Error(`none of ${names.join(', ')} is on PATH: install one, for example Debian's package chromium`);
  return found;
}

export async function openBrowser() {
  const profile = mkdtempSync(join(tmpdir(), 'legate-draw-'));
  // The protocol runs over the file descriptors 3 and 4. The sandbox does not work for root.
  const child = spawn(program(), ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--hide-scrollbars', `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank'],
  { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const [, , , to, from] = child.stdio;
  const waiting = new Map(), complaints = [];
  let last = 0, rest = '', session;
  from.setEncoding('utf8');
  from.on('data', chunk => {
    const messages = (rest + chunk).split('\0');
    rest = messages.pop();
    for (const message of messages.map(m => JSON.parse(m))) {
      if (message.method === 'Runtime.exceptionThrown') complaints.push(message.params.exceptionDetails.exception?.description ?? message.params.exceptionDetails.text);
      const waits = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error) waits?.reject(new Error(message.error.message));
      else waits?.resolve(message.result);
    }
  });
  child.on('exit', code => { for (const w of waiting.values()) w.reject(new Error(`Chromium ended with exit code ${code}`)); });
  const call = (method, params = {}) => new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject });
    to.write(JSON.stringify({ id: last, method, params, sessionId: method.startsWith('Browser.') ? undefined : session }) + '\0');
  });
  const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
  ({ sessionId: session } = await call('Target.attachToTarget', { targetId, flatten: true }));
  await call('Runtime.enable');
  return {
    call,
    complaints,
    // value is that of an expression in the page; a promise is waited for.
    value: async expression => (await call('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true })).result.value,
    close: async () => {
      const ended = new Promise(resolve => child.once('exit', resolve));
      await call('Browser.close').catch(() => {});
      await ended;
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
