// The sites below: tiles, worst first, above the devices.

import { el, setAttribute, setText } from './dom.js';
import { count, micros, percent, share, text, tone } from './format.js';
import { sparkline } from './paint.js';

const PAGE = 12;
const RESORT_MS = 4000;

const RANKS = ['bad', 'warn', 'warn', 'off', 'ok'];
/** How bad a site is: coarse, so that tiles do not jump about. */
function rank(tile, thresholds) {
  const online = tile.state === 'online';
  if (online && tone(tile.miss, thresholds) === 'bad') return 0;
  if (tile.state === 'stale') return 1;
  if (online && (tile.degraded > 0 || tone(tile.miss, thresholds) === 'warn')) return 2;
  return online ? 4 : 3;
}
const byName = (a, b) => a.id.localeCompare(b.id, 'en', { numeric: true });
const known = (value) => value !== null && value !== undefined;

class Tile {
  constructor(id) {
    this.state = el('span', { class: 'state' });
    this.devices = el('span');
    this.degraded = el('span', { 'data-tone': 'warn' });
    this.rate = el('span');
    this.canvas = el('canvas', { 'aria-hidden': 'true' });
    this.p99 = el('b');
    this.worst = el('span', { class: 'cut' });
    this.alarms = el('span');
    this.saved = el('span', { title: 'Share of the bytes of the devices that did not go on to here' });
    this.node = el('a', { class: 'tile', href: `#/site/${encodeURIComponent(id)}` },
      el('div', { class: 'head' }, el('span', { class: 'name', title: id }, id), this.state),
      el('div', { class: 'modes' }, this.devices, this.degraded),
      el('div', { class: 'mid' }, el('div', { class: 'miss' }, this.rate, el('small', {}, 'miss rate')), this.canvas),
      el('div', { class: 'foot' }, el('span', {}, 'wake-up p99 ', this.p99), this.saved),
      el('div', { class: 'foot' }, this.alarms, this.worst));
    this.item = el('li', {}, this.node);
    this.painted = null;
  }

  show(tile, thresholds) {
    setAttribute(this.node, 'data-state', tile.state);
    setAttribute(this.node, 'data-rank', RANKS[rank(tile, thresholds)]);
    setAttribute(this.state, 'data-is', tile.state);
    setText(this.state, tile.state);
    setText(this.devices, tile.known ? `${text(count(tile.online))} of ${text(count(tile.known))} devices online` : 'no devices told');
    setText(this.degraded, tile.degraded ? `${text(count(tile.degraded))} degraded` : '');
    setText(this.rate, text(percent(tile.miss)));
    setAttribute(this.rate, 'data-tone', tile.state === 'online' ? tone(tile.miss, thresholds) : null);
    setText(this.p99, text(micros(tile.p99)));
    const worst = tile.worst ? `worst ${tile.worst} ${text(percent(tile.worst_miss))}` : '';
    setText(this.worst, worst);
    setAttribute(this.worst, 'title', worst || null);
    setText(this.alarms, tile.alarms ? `${text(count(tile.alarms))} alarm${tile.alarms === 1 ? '' : 's'}` : 'no alarms');
    setText(this.saved, known(tile.saved) ? `${text(share(tile.saved))} saved` : '');
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

/** The section; hidden while no site is known. */
export function sitesSection(store) {
  const nodes = new Map();
  let order = [];
  let stale = true;
  let sorted = 0;
  let page = 0;
  const sums = el('span', { class: 'muted' });
  const tiles = el('ul', { class: 'tiles', 'aria-label': 'Sites' });
  const back = el('button', { type: 'button', onclick: () => turn(-1) }, 'Previous');
  const next = el('button', { type: 'button', onclick: () => turn(1) }, 'Next');
  const where = el('span', { class: 'num', 'aria-live': 'polite' });
  const pager = el('nav', { class: 'pager', 'aria-label': 'Pages of sites', hidden: true }, back, where, next);
  const node = el('section', { class: 'sites', 'aria-label': 'Sites', hidden: true }, el('h2', {}, 'Sites ', sums), tiles, pager);

  function turn(by) {
    page += by;
    show();
    tiles.querySelector('a')?.focus();
  }
  function resort() {
    // Nothing moves under a pointer or a keyboard.
    const busy = tiles.matches(':hover') || tiles.contains(document.activeElement);
    const now = performance.now();
    if (!stale && (busy || now - sorted < RESORT_MS)) return;
    stale = false;
    sorted = now;
    order = [...store.sites.values()].sort((a, b) => rank(a, store.thresholds) - rank(b, store.thresholds) || byName(a, b)).map((tile) => tile.id);
  }
  function total() {
    const sum = { here: 0, online: 0, known: 0, degraded: 0 };
    for (const tile of store.sites.values()) {
      sum.here += tile.state === 'online' ? 1 : 0;
      for (const key of ['online', 'known', 'degraded']) sum[key] += tile[key] ?? 0;
    }
    const degraded = sum.degraded ? `, ${text(count(sum.degraded))} degraded` : '';
    setText(sums, `${text(count(sum.here))} of ${text(count(store.sites.size))} online, with ${text(count(sum.online))} of ${text(count(sum.known))} devices online as they told last${degraded}`);
  }
  function show() {
    node.hidden = store.sites.size === 0;
    if (node.hidden) return;
    total();
    resort();
    const pages = Math.max(1, Math.ceil(order.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    const ids = order.slice(page * PAGE, (page + 1) * PAGE).filter((id) => store.sites.has(id));
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
      tile.show(store.sites.get(id), store.thresholds);
    });
    pager.hidden = pages === 1;
    setText(where, `${page * PAGE + 1}–${page * PAGE + ids.length} of ${order.length}`);
    back.disabled = page === 0;
    next.disabled = page === pages - 1;
  }
  return {
    node,
    changed: (membership) => {
      stale ||= membership;
      show();
    },
    repaint: () => nodes.forEach((tile, id) => {
      tile.painted = null;
      if (store.sites.has(id)) tile.paint(store.sites.get(id), store.thresholds);
    }),
  };
}
