// Refreshes the page in place: when Legate says that something has changed (server-sent events), and where that cannot be
// heard, every few seconds. Unchanged elements are not touched, so that selections, opened details
// and the scroll position stay. If Legate does not answer, the page keeps its content and says so. An answer
// such as "no such service" is a page, too.
"use strict";

const every = 5000; // ms between two refreshes while no event is heard
const silence = 15000; // ms without an event, after which none is expected: they come every 10 s at least
const deafFor = 30000; // ms until events are asked for again after that has failed
const timeout = 4000; // ms to wait for an answer
const parts = ["who", "now"]; // ids of the elements that are refreshed
const away = document.getElementById("away");
const frozen = document.getElementById("frozen");
let fresh = new Date(); // time of the last refresh

const keyOf = (node) => node.dataset?.key;

// selected reports whether a part of the selection is in the node.
function selected(node) {
  const s = document.getSelection();
  return s !== null && !s.isCollapsed && s.containsNode(node, true);
}

// spare reports whether a node must not be changed, and then shows a note about it.
function spare(node) {
  if (!selected(node)) return false;
  frozen.hidden = false;
  return true;
}

// become turns a node into the next version, and does not touch what is equal.
function become(node, next) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.data !== next.data && !spare(node)) node.data = next.data;
    return;
  }
  for (const { name, value } of next.attributes) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  for (const { name } of [...node.attributes]) {
    if (name !== "open" && !next.hasAttribute(name)) node.removeAttribute(name); // only the user opens and closes details
  }
  becomeChildren(node, next);
}

// becomeChildren matches children by key or, without one, by position.
function becomeChildren(node, next) {
  const wanted = new Set([...next.children].map(keyOf));
  const keyed = new Map();
  for (const child of [...node.children]) {
    if (!keyOf(child)) continue;
    if (wanted.has(keyOf(child))) keyed.set(keyOf(child), child);
    else if (!spare(child)) child.remove();
  }
  const matched = new Set();
  let at = node.firstChild;
  for (const want of [...next.childNodes]) {
    let have = keyed.get(keyOf(want));
    if (!keyOf(want) && at && !keyOf(at) && at.nodeName === want.nodeName) have = at;
    if (!have) {
      node.insertBefore(document.importNode(want, true), at);
      continue;
    }
    matched.add(have);
    if (have === at) at = at.nextSibling;
    else if (!spare(have)) node.insertBefore(have, at);
    become(have, want);
  }
  while (at) {
    const rest = at;
    at = at.nextSibling;
    if (!matched.has(rest) && !spare(rest)) rest.remove();
  }
}

async function refresh() {
  let next;
  try {
    const answer = await fetch(location.pathname + location.search, { cache: "no-store", signal: AbortSignal.timeout(timeout) });
    next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!parts.every((id) => next.getElementById(id))) throw new Error("it is not a page of Legate's");
  } catch {
    away.textContent = `Legate does not answer. All below is as it was at ${fresh.toLocaleTimeString()}; this page goes on by itself.`;
    away.hidden = false;
    document.documentElement.classList.add("old");
    deafen(); // the stream may be what keeps the browser from asking
    return;
  }
  if (next.documentElement.dataset.build !== document.documentElement.dataset.build) {
    location.reload(); // Legate has another version
    return;
  }
  frozen.hidden = true;
  document.title = next.title;
  for (const id of parts) become(document.getElementById(id), next.getElementById(id));
  fresh = new Date();
  away.hidden = true;
  document.documentElement.classList.remove("old");
}

let busy = false;
let again = false; // something has changed while the page was refreshed

async function renew() {
  again = true;
  if (busy) return;
  busy = true;
  while (again) {
    again = false;
    await refresh();
  }
  busy = false;
}

let events = null; // the open stream
let heard = -Infinity; // when the last event came
let deafUntil = 0;

// listen opens the stream. Hidden pages have none: a browser has few connections to a host.
function listen() {
  if (events || document.hidden || performance.now() < deafUntil) return;
  events = new EventSource("/events");
  const hear = () => {
    heard = performance.now();
    renew(); // also if nothing has changed: ages have
  };
  events.addEventListener("changed", hear);
  events.addEventListener("alive", hear);
  events.onerror = () => {
    heard = -Infinity; // poll until it is open again
    if (events?.readyState === EventSource.CLOSED) deafen(); // refused: too many listen
  };
}

function deafen() {
  unlisten();
  deafUntil = performance.now() + deafFor;
}

function unlisten() {
  events?.close();
  events = null;
  heard = -Infinity;
}

async function go() {
  if (!document.hidden && performance.now() - heard > silence) await renew();
  listen();
  setTimeout(go, every);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    unlisten();
    return;
  }
  renew();
  listen();
});
addEventListener("pagehide", unlisten);
listen();
setTimeout(go, every);
