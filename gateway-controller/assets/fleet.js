// The fleet: tiles, worst first.

import { el, setAttribute, setText } from './dom.js';
import { count, micros, percent, text, throttled, tone, SOURCES } from './format.js';
import { item } from './lines.js';
import { sparkline } from './paint.js';
import { sitesSection } from './sites.js';
import { onTheme } from './theme.js';

const PAGE = 60;
const LINES = 40;
const RESORT_MS = 4000;

const missing = (tile) => tile.state === 'online' && tile.miss > 0;
const FILTERS = [
  ['all', 'All', () => true],
  ['missing', 'Missing deadlines', missing],
  ['degraded', 'Degraded', (tile) => tile.mode === 'DEGRADED'],
  ['stale', 'Stale', (tile) => tile.state === 'stale'],
  ['offline', 'Offline', (tile) => tile.state === 'offline'],
];

/** How bad a device is: coarse, so that tiles do not jump about. */
function rank(tile, thresholds) {
  const miss = tone(tile.miss, thresholds);
  if (tile.state === 'online' && (miss === 'bad' || tile.danger)) return 0;
  if (tile.state === 'stale') return 1;
  if (tile.state === 'online' && tile.mode === 'DEGRADED') return 2;
  if (tile.state === 'online' && (miss === 'warn' || throttled(tile.throttled).now.length > 0)) return 3;
  if (tile.state === 'offline') return 4;
  return 5;
}
const RANKS = ['bad', 'warn', 'warn', 'warn', 'off', 'ok'];
const byName = (a, b) => a.id.localeCompare(b.id, 'en', { numeric: true });
const down = (key) => (a, b) => (b[key] ?? -1) - (a[key] ?? -1) || byName(a, b);
const SORTS = {
  worst: ['Worst first', (thresholds) => (a, b) => rank(a, thresholds) - rank(b, thresholds) || byName(a, b)],
  name: ['Name', () => byName],
  miss: ['Miss rate', () => down('miss')],
  p99: ['Wake-up p99', () => down('p99')],
  temp: ['Temperature', () => down('temp_c')],
};

class Tile {
  constructor(id) {
    this.name = el('span', { class: 'name', title: id }, id);
    this.state = el('span', { class: 'state' });
    this.mode = el('span', { class: 'mode' });
    this.why = el('span', { class: 'why' });
    this.rate = el('span');
    this.miss = el('div', { class: 'miss' }, this.rate, el('small', {}, 'miss rate'));
    this.canvas = el('canvas', { 'aria-hidden': 'true' });
    this.p99 = el('b');
    this.max = el('span');
    this.temp = el('span');
    this.version = el('span');
    this.node = el('a', { class: 'tile', href: `#/device/${encodeURIComponent(id)}` },
      el('div', { class: 'head' }, this.name, this.state),
      el('div', { class: 'modes' }, this.mode, this.why),
      el('div', { class: 'mid' }, this.miss, this.canvas),
      el('div', { class: 'foot' }, el('span', {}, 'wake-up p99 ', this.p99), this.max),
      el('div', { class: 'foot' }, this.version, this.temp));
    this.item = el('li', {}, this.node);
    this.painted = null;
  }

  show(tile, thresholds) {
    const flags = throttled(tile.throttled).now;
    setAttribute(this.node, 'data-state', tile.state);
    setAttribute(this.node, 'data-rank', RANKS[rank(tile, thresholds)]);
    setAttribute(this.state, 'data-is', tile.state);
    setText(this.state, tile.state);
    setAttribute(this.mode, 'data-is', tile.mode ?? 'none');
    setText(this.mode, tile.mode ?? 'no mode told');
    const why = tile.danger ?? (tile.reason ? `${tile.source ?? ''} · ${tile.reason}` : SOURCES[tile.source] ?? '');
    setText(this.why, why);
    setAttribute(this.why, 'title', why);
    setText(this.rate, text(percent(tile.miss)));
    setAttribute(this.rate, 'data-tone', tile.state === 'online' ? tone(tile.miss, thresholds) : null);
    setText(this.p99, text(micros(tile.p99)));
    setText(this.max, tile.max === null || tile.max === undefined ? '' : `max ${text(micros(tile.max))}`);
    setText(this.temp, flags.length ? flags.join(', ') : tile.temp_c === null || tile.temp_c === undefined ? '' : `${tile.temp_c.toFixed(0)}\u202f°C`);
    setAttribute(this.temp, 'data-tone', flags.length ? 'bad' : null);
    setText(this.version, tile.version ? `agent ${tile.version}` : '');
    this.paint(tile, thresholds);
  }

  paint(tile, thresholds) {
    const key = `${tile.spark.end}/${this.canvas.clientWidth}`;
    if (key !== this.painted) {
      this.painted = this.canvas.clientWidth ? key : null;
      sparkline(this.canvas, tile.spark.rates, thresholds);
    }
  }
}

/** The view; `take(state)` shows what is known. */
export function fleetView(store) {
  const nodes = new Map();
  let order = [];
  let stale = true;
  let sorted = 0;
  let page = 0;
  let lineOf = 0;
  const chosen = store.choice;

  const figures = {};
  const box = (key, name) => {
    figures[key] = el('dd', {}, '–');
    return el('div', {}, el('dt', {}, name), figures[key]);
  };
  const strip = el('dl', { class: 'strip', 'aria-label': 'Totals of the fleet' },
    box('devices', 'Devices online'), box('degraded', 'Degraded'), box('missing', 'Missing deadlines'), box('miss', 'Miss rate, 10 s'),
    box('p99', 'Wake-up p99, 10 s'), box('max', 'Wake-up max, 10 s'), box('jobs', 'Jobs per second'), box('reports', 'Reports received'));
  const search = el('input', { type: 'search', placeholder: 'Search (press /)', 'aria-label': 'Search devices by name, version or reason', value: chosen.search, oninput: () => change({ search: search.value }) });
  const filters = FILTERS.map(([key, name]) => {
    const counter = el('span', { class: 'count' });
    const button = el('button', { type: 'button', 'aria-pressed': String(chosen.filter === key), onclick: () => change({ filter: key }) }, name, counter);
    return { key, button, counter };
  });
  const sort = el('select', { 'aria-label': 'Order', onchange: () => change({ sort: sort.value }) }, ...Object.entries(SORTS).map(([key, [name]]) => el('option', { value: key, selected: key === chosen.sort }, name)));
  const tiles = el('ul', { class: 'tiles', 'aria-label': 'Devices' });
  const empty = el('p', { class: 'empty', hidden: true });
  const back = el('button', { type: 'button', onclick: () => turn(-1) }, 'Previous');
  const next = el('button', { type: 'button', onclick: () => turn(1) }, 'Next');
  const where = el('span', { class: 'num', 'aria-live': 'polite' });
  const pager = el('nav', { class: 'pager', 'aria-label': 'Pages of devices', hidden: true }, back, where, next);
  const log = el('ol', { class: 'log' });
  const lost = el('p', { class: 'note', hidden: true });
  const sites = sitesSection(store);
  const node = el('div', {},
    el('h1', { class: 'sr' }, 'Fleet'), strip, lost, sites.node,
    el('div', { class: 'fleet' },
      el('section', { 'aria-label': 'Devices' }, el('div', { class: 'tools', role: 'group', 'aria-label': 'Filter and order' }, search, ...filters.map(({ button }) => button), sort), tiles, empty, pager),
      el('aside', { class: 'card', 'aria-label': 'Latest decisions' }, el('h2', {}, 'Latest decisions and events'), log)));

  function change(to) {
    Object.assign(chosen, to);
    page = 0;
    stale = true;
    filters.forEach(({ key, button }) => setAttribute(button, 'aria-pressed', String(key === chosen.filter)));
    show();
  }
  function turn(by) {
    page += by;
    show();
    tiles.querySelector('a')?.focus();
  }
  function fits(tile) {
    const filter = FILTERS.find(([key]) => key === chosen.filter)[2];
    const words = chosen.search.trim().toLowerCase();
    return filter(tile) && (!words || [tile.id, tile.version, tile.reason, tile.mode, tile.source].some((it) => it?.toLowerCase().includes(words)));
  }
  function resort() {
    // Nothing moves under a pointer or a keyboard.
    const busy = tiles.matches(':hover') || tiles.contains(document.activeElement);
    const now = performance.now();
    if (!stale && (busy || now - sorted < RESORT_MS)) return;
    stale = false;
    sorted = now;
    order = [...store.devices.values()].filter(fits).sort(SORTS[chosen.sort][1](store.thresholds)).map((tile) => tile.id);
  }
  function totals() {
    const sum = store.totals;
    const put = (key, [number, unit], sub, mood) => {
      const parts = [number, unit ? el('span', { class: 'unit' }, unit) : null, sub ? el('span', { class: 'sub' }, sub) : null].filter(Boolean);
      if (figures[key].textContent !== parts.map((part) => part.textContent ?? part).join('')) figures[key].replaceChildren(...parts);
      setAttribute(figures[key], 'data-tone', mood);
    };
    const away = [sum.stale ? `${sum.stale} stale` : '', sum.offline ? `${sum.offline} offline` : ''].filter(Boolean).join(', ');
    put('devices', count(sum.online), `of ${sum.devices}${away ? ` · ${away}` : ''}`, sum.stale ? 'warn' : null);
    put('degraded', count(sum.degraded), null, sum.degraded ? 'warn' : null);
    put('missing', count(sum.missing), null, null);
    put('miss', percent(sum.miss), null, tone(sum.miss, store.thresholds));
    put('p99', micros(sum.p99));
    put('max', micros(sum.max));
    put('jobs', count(sum.jobs_per_s));
    put('reports', count(sum.reports));
    lost.hidden = !sum.events_lost;
    if (sum.events_lost) setText(lost, `This machine is too busy: ${sum.events_lost} events did not reach this page. Counts here may be short; decisions are not touched by that.`);
    for (const [key, , fit] of FILTERS) {
      let found = 0;
      for (const tile of store.devices.values()) found += fit(tile) ? 1 : 0;
      setText(filters.find((it) => it.key === key).counter, found);
    }
  }
  function show() {
    totals();
    resort();
    const pages = Math.max(1, Math.ceil(order.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    const ids = order.slice(page * PAGE, (page + 1) * PAGE).filter((id) => store.devices.has(id));
    const kept = new Set(ids);
    for (const [id, tile] of nodes) {
      if (!kept.has(id)) {
        tile.item.remove();
        nodes.delete(id);
      }
    }
    ids.forEach((id, at) => {
      if (!nodes.has(id)) nodes.set(id, new Tile(id));
      const tile = nodes.get(id);
      if (tiles.children[at] !== tile.item) tiles.insertBefore(tile.item, tiles.children[at] ?? null);
      tile.show(store.devices.get(id), store.thresholds);
    });
    empty.hidden = ids.length > 0;
    setText(empty, store.devices.size ? 'No device fits.' : 'No device was heard yet.');
    pager.hidden = pages === 1;
    setText(where, `${page * PAGE + 1}–${page * PAGE + ids.length} of ${order.length}`);
    back.disabled = page === 0;
    next.disabled = page === pages - 1;
    lines();
  }
  function lines() {
    if (store.lines.length === 0 || lineOf === store.lineCount) return;
    lineOf = store.lineCount;
    log.replaceChildren(...store.lines.slice(-LINES).reverse().map(item));
  }
  const repaint = () => {
    sites.repaint();
    nodes.forEach((tile, id) => {
      tile.painted = null;
      if (store.devices.has(id)) tile.paint(store.devices.get(id), store.thresholds);
    });
  };
  const stopTheme = onTheme(repaint);
  const observer = new ResizeObserver(repaint);
  observer.observe(tiles);
  observer.observe(sites.node);
  return {
    node,
    title: 'Fleet',
    focusSearch: () => search.focus(),
    changed: (membership) => {
      stale ||= membership;
      sites.changed(membership);
      show();
    },
    end: () => {
      stopTheme();
      observer.disconnect();
    },
  };
}
