// What the pages of a device and of a site share: spans of time, charts over them, distributions.

import { timeChart } from './charts.js';
import { el, setAttribute } from './dom.js';
import { clock, count, micros, text } from './format.js';
import { histogram } from './paint.js';

const FINE = { ms: 2000, keep: 150 };
const COARSE = { ms: 30000, keep: 120 };
export const SPANS = [[60, '1 min'], [300, '5 min'], [3600, '1 h']];
export const spanName = (span) => SPANS.find(([value]) => value === span)[1];
/** What a slot of this span is. */
export const slotName = (span) => (span > 300 ? '30 s' : '2 s');

const log10 = { distr: 3, log: 10 };
/** 1, 2, 5, 10 … µs. */
const STEPS = Array.from({ length: 9 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** (power - 1))).flat();
/** The next of them, below or above. */
const step = (value, way) => (way < 0 ? STEPS.findLast((it) => it <= value) ?? STEPS[0] : STEPS.find((it) => it >= value) ?? STEPS.at(-1));
export const pct = (value) => `${+(value * 100).toPrecision(3)}\u202f%`;
export const us = (value) => text(micros(value));
const usShort = (value) => us(value).replace(/\.0+(?=\D|$)/, '');

export function segments(label, list, now, choose) {
  const buttons = list.map(([value, name]) => el('button', { type: 'button', 'aria-pressed': String(value === now()), onclick: () => choose(value) }, name));
  const node = el('div', { class: 'segments', role: 'group', 'aria-label': label }, ...buttons);
  return { node, mark: () => buttons.forEach((button, at) => setAttribute(button, 'aria-pressed', String(list[at][0] === now()))) };
}

/** The key of a neighbouring span, if `key` asks for one. */
export function spanBeside(span, key) {
  const at = SPANS.findIndex(([value]) => value === span);
  const to = key === '[' ? at - 1 : key === ']' ? at + 1 : -1;
  return SPANS[to]?.[0] ?? null;
}

/** Figures in a strip: `box(key, name)` for each, `put(key, [number, unit], sub, mood)`. */
export function figures() {
  const values = {};
  return {
    box(key, name) {
      values[key] = el('dd', {}, '–');
      return el('div', {}, el('dt', {}, name), values[key]);
    },
    put(key, [number, unit], sub, mood) {
      const parts = [number, unit ? el('span', { class: 'unit' }, unit) : null, sub ? el('span', { class: 'sub' }, sub) : null].filter(Boolean);
      if (values[key].textContent !== parts.map((part) => part.textContent ?? part).join('')) values[key].replaceChildren(...parts);
      setAttribute(values[key], 'data-tone', mood);
    },
  };
}

/** Slots by number, as they are told. */
export function history() {
  const slots = { fine: new Map(), coarse: new Map() };
  return {
    take(detail, whole) {
      for (const key of ['fine', 'coarse']) {
        if (whole) slots[key].clear();
        detail[key].forEach((slot) => slots[key].set(slot.n, slot));
      }
    },
    /** Times and slots of a span, `null` where nothing was told. */
    row(now, span) {
      const grain = span > 300 ? COARSE : FINE;
      const kept = span > 300 ? slots.coarse : slots.fine;
      const last = Math.floor((now.t_ms - now.epoch_ms) / grain.ms);
      const length = Math.round((span * 1000) / grain.ms);
      for (const n of kept.keys()) if (n <= last - grain.keep) kept.delete(n);
      const xs = [];
      const row = [];
      for (let n = last - length + 1; n <= last; n += 1) {
        xs.push((n * grain.ms + now.epoch_ms) / 1000);
        row.push(kept.get(n) ?? null);
      }
      // What is longer than a slot covers what came before it too.
      [...row].forEach((slot, at) => {
        const covers = slot ? Math.round(slot.covers_ms / grain.ms) : 0;
        for (let back = 1; back < covers && at - back >= 0 && row[at - back] === null; back += 1) row[at - back] = slot;
      });
      return { xs, row, range: [xs[0], xs.at(-1) + grain.ms / 1000], at: (get) => row.map((slot) => (slot ? get(slot) ?? null : null)) };
    },
  };
}

export function missChart(store, draw, sync) {
  return timeChart({
    series: [
      { label: 'miss rate', tone: 'p50', fill: 'band1', stepped: true, format: pct },
      { label: 'degrade above', tone: 'max', width: 1, dash: [6, 4] },
      { label: 'calm below', tone: 'warn', width: 1, dash: [3, 3] },
    ],
    scale: { range: (u, low, high) => [0, Math.min(1, Math.max(high * 1.1, (store.thresholds?.degrade_above ?? 0.05) * 1.6))], label: pct, space: 28 },
    draw, sync,
  });
}

/** Sets it: rates, and the policy's limits. */
export function setMisses(chart, limits, { xs, range, at }) {
  const flat = (value) => xs.map(() => value ?? null);
  chart.set([xs, at((slot) => slot.rate), flat(limits?.degrade_above), flat(limits?.recover_below)], range);
}

export function latencyChart(draw, sync) {
  return timeChart({
    series: [{ label: 'max', tone: 'max', width: 1, format: us }, { label: 'p99', tone: 'p99', format: us }, { label: 'p50', tone: 'p50', format: us }],
    bands: [{ between: [1, 2], tone: 'band2' }, { between: [2, 3], tone: 'band1' }],
    scale: { ...log10, range: (u, low, high) => (low === null ? [1, 1000] : [step(low, -1), Math.max(step(high, 1), step(low, -1) * 10)]), label: usShort, splits: (u, axis, low, high) => STEPS.filter((value) => value >= low * 0.999 && value <= high * 1.001) },
    draw, sync,
  });
}

/** Sets it: quantiles of `wakeup` or `response`. */
export function setLatency(chart, key, { xs, range, at }) {
  const quantile = (index) => at((slot) => slot[key] && Math.max(slot[key][index], 0.1));
  chart.set([xs, quantile(2), quantile(1), quantile(0)], range);
}

/** What a chart of latencies shows, in words. */
export function tellLatency(figure, key, { xs, row, at }, span) {
  const maxes = at((slot) => slot[key]?.[2]);
  const worst = greatest(maxes);
  const last = row.findLast(Boolean)?.[key];
  figure.tell(worst === -1 ? 'No job ran.' : `Newest slot: p50 ${last ? us(last[0]) : '–'}, p99 ${last ? us(last[1]) : '–'}. Greatest ${us(maxes[worst])} at ${clock(xs[worst] * 1000)}. Each slot is ${slotName(span)} of jobs.`);
}

/** Where the greatest value is; -1 if there is none. */
export const greatest = (values) => values.reduce((best, value, at) => (value !== null && (best === -1 || value > values[best]) ? at : best), -1);

/** A distribution over a span, on its canvas and in words. */
export function showDistribution(figure, canvas, of, span) {
  if (!of || of.count === 0) {
    canvas.getContext('2d').clearRect(0, 0, canvas.width, canvas.height);
    figure.tell(`No job ran in the last ${spanName(span)}.`);
    return;
  }
  const { p50, p99, max } = of.quantiles;
  histogram(canvas, of.buckets, [[p50, 'p50', 'p50'], [p99, 'p99', 'p99'], [max, 'max', 'max']]);
  figure.tell(`Last ${spanName(span)}, ${text(count(of.count))} jobs, exact counts: least ${us(of.min)}, p50 ${us(p50)}, p99 ${us(p99)}, greatest ${us(max)}.`);
}

/** The rows of a table of a distribution. */
export const buckets = (of) => ({ head: ['From', 'To', 'Jobs'], right: [0, 1, 2], rows: () => (of()?.buckets ?? []).map(([bucket, n]) => [us(2 ** (bucket / 8)), us(2 ** ((bucket + 1) / 8)), text(count(n))]) });

/** The rows of a table of the newest slots. */
export const recent = (now, head, cells) => ({ head: ['Time', ...head], right: head.map((_, at) => at + 1), rows: () => now().row.map((slot, at) => (slot ? [clock(now().xs[at] * 1000), ...cells(slot)] : null)).filter(Boolean).reverse().slice(0, 60) });
export const three = (now, key) => recent(now, ['p50', 'p99', 'max'], (slot) => (slot[key] ?? [null, null, null]).map(us));
