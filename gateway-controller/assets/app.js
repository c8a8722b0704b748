// What is shown, and where it comes from.

import { byId, el, setText } from './dom.js';
import { startControls } from './controls.js';
import { deviceView } from './device.js';
import { fleetView } from './fleet.js';
import { clock } from './format.js';
import { follow } from './link.js';
import { siteView } from './site.js';
import { startTheme } from './theme.js';

const SPARKS = 60;
const MAX_LINES = 60;
/** What is known of the fleet. */
const store = {
  devices: new Map(), sites: new Map(), totals: null, thresholds: null, controls: false, broker: null, lines: [], lineCount: 0, startedMs: 0,
  choice: { search: '', filter: 'all', sort: 'worst' },
};
let view = null;
let pending = 0;
let membership = false;
const troubles = new Map();

/** Says in the banner what is wrong; `null`: nothing any more. */
function trouble(key, words) {
  if (words) troubles.set(key, words);
  else troubles.delete(key);
  const all = [...troubles.values()];
  setText(byId('banner'), all[0] ?? '');
  byId('banner').hidden = all.length === 0;
}

function state(key) {
  return (is, words) => trouble(key, is === 'up' ? null : `No connection to the controller (${words}). Trying again every second or two; the figures below are the last ones heard.`);
}

function draw() {
  pending = 0;
  view?.changed?.(membership);
  membership = false;
}
const soon = () => {
  // A hidden page is drawn when it is looked at.
  if (!pending) pending = requestAnimationFrame(draw);
};

function common(news) {
  store.totals = news.totals;
  store.broker = news.broker;
  setText(byId('clock'), clock(news.t_ms));
  byId('clock').dateTime = news.t_ms;
  byId('broker').hidden = false;
  byId('broker').dataset.is = news.broker.up ? 'up' : 'down';
  setText(byId('broker'), news.broker.up ? 'broker connected' : 'no broker');
  trouble('broker', news.broker.up ? null : `The controller has no connection to its broker${news.broker.reason ? `: ${news.broker.reason}` : ''}. All devices and sites are shown as last heard.`);
  store.lines = [...store.lines, ...news.log].slice(-MAX_LINES);
  store.lineCount += news.log.length;
  soon();
}

function whole(fleet) {
  store.devices = new Map(fleet.devices.map((tile) => [tile.id, tile]));
  store.sites = new Map(fleet.sites.map((tile) => [tile.id, tile]));
  store.thresholds = fleet.thresholds;
  store.controls = fleet.controls;
  store.startedMs = fleet.started_ms;
  store.lines = [];
  store.lineCount += 1;
  membership = true;
  common(fleet);
  if (!view) route();
}

/** Takes in what is new of some tiles. */
function learn(known, news) {
  for (const { step, ...change } of news) {
    const tile = known.get(change.id) ?? { id: change.id, spark: { end: 0, rates: Array(SPARKS).fill(null) } };
    membership ||= !known.has(change.id) || change.state !== undefined;
    Object.assign(tile, change);
    if (step) tile.spark = { end: step[0], rates: [...tile.spark.rates.slice(1), step[1]] };
    known.set(change.id, tile);
  }
}

function delta(news) {
  learn(store.devices, news.devices);
  learn(store.sites, news.sites);
  for (const id of news.gone) {
    store.devices.delete(id);
    membership = true;
  }
  common(news);
}

/** The name of a device or site in an address; `null` if it is none. */
function decoded(id) {
  try {
    return id ? decodeURIComponent(id) : null;
  } catch {
    return null;
  }
}

function route() {
  view?.end?.();
  trouble('device', null);
  const [, kind, name] = location.hash.split('/');
  const open = { device: deviceView, site: siteView }[kind];
  const id = open ? decoded(name) : null;
  view = id ? open(store, id, state('device')) : fleetView(store);
  document.title = view.title;
  byId('main').replaceChildren(view.node);
  window.scrollTo(0, 0);
  view.changed?.(true);
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId('dialog').open || event.target.closest('input, select, textarea')) return;
  if (event.key === '/' && view?.focusSearch) {
    event.preventDefault();
    view.focusSearch();
  } else if (event.key === 'Escape' && /^#\/(device|site)\//.test(location.hash)) {
    location.hash = '#/';
  } else {
    view?.key?.(event.key);
  }
}

startTheme();
startControls();
addEventListener('hashchange', () => {
  if (!store.totals) return;
  route();
  byId('main').focus();
});
addEventListener('keydown', keys);
follow('/api/events', { fleet: whole, delta }, state('fleet'));
