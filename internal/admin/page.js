// Refreshes the page in place: what has not changed is not touched, so that what is selected,
// opened and scrolled to stays. If Legate does not answer, the page stays as it was and says so.
"use strict";

const every = 5000; // ms between two refreshes
const patience = 4000; // ms until an answer counts as none
const parts = ["who", "now"]; // ids of what changes
const away = document.getElementById("away");
const frozen = document.getElementById("frozen");
let fresh = new Date(); // when the page was last as Legate said it

const keyOf = (node) => node.dataset?.key;

// selected reports whether some of what is selected lies in the node.
function selected(node) {
  const s = document.getSelection();
  return s !== null && !s.isCollapsed && s.containsNode(node, true);
}

// spare reports whether a node must stay as it is, and has the page say so.
function spare(node) {
  if (!selected(node)) return false;
  frozen.hidden = false;
  return true;
}

// become makes a node like the next one, and leaves alone what is alike.
function become(node, next) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.data !== next.data && !spare(node)) node.data = next.data;
    return;
  }
  for (const { name, value } of next.attributes) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  for (const { name } of [...node.attributes]) {
    if (name !== "open" && !next.hasAttribute(name)) node.removeAttribute(name); // who opened it closes it
  }
  becomeChildren(node, next);
}

// becomeChildren matches children with a key by that, and the others by their place.
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
    const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(patience) });
    if (!answer.ok) throw new Error(answer.statusText);
    next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!parts.every((id) => next.getElementById(id))) throw new Error("it is not Legate's page");
  } catch {
    away.textContent = `Legate does not answer. All below is as it was at ${fresh.toLocaleTimeString()}; this page goes on by itself.`;
    away.hidden = false;
    document.documentElement.classList.add("old");
    return;
  }
  if (next.documentElement.dataset.build !== document.documentElement.dataset.build) {
    location.reload(); // another version's page
    return;
  }
  frozen.hidden = true;
  document.title = next.title;
  for (const id of parts) become(document.getElementById(id), next.getElementById(id));
  fresh = new Date();
  away.hidden = true;
  document.documentElement.classList.remove("old");
}

async function go() {
  if (!document.hidden) await refresh();
  setTimeout(go, every);
}
setTimeout(go, every);
