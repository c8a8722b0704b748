// One device: figures, charts, what it is, what it was told.

import { controls } from './controls.js';
import { figure, legend, tint, timeChart } from './charts.js';
import { el, setAttribute, setText } from './dom.js';
import { factsView } from './facts.js';
import { clock, count, duration, micros, percent, text, throttled, tone, SOURCES } from './format.js';
import { follow } from './link.js';
import { fold, histogram } from './paint.js';
import { onTheme } from './theme.js';

const FINE = { ms: 2000, keep: 150 };
const COARSE = { ms: 30000, keep: 120 };
const SPANS = [[60, '1 min'], [300, '5 min'], [3600, '1 h']];
const MAXIMA = 1500;
const PERIODS = [1, 10, 60];
let span = 300;
let period = 10;

const log10 = { distr: 3, log: 10 };
/** 1, 2, 5, 10 … µs. */
const STEPS = Array.from({ length: 9 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** (power - 1))).flat();
/** The next of them, below or above. */
const step = (value, way) => (way < 0 ? STEPS.findLast((it) => it <= value) ?? STEPS[0] : STEPS.find((it) => it >= value) ?? STEPS.at(-1));
const pct = (value) => `${+(value * 100).toPrecision(3)}\u202f%`;
const us = (value) => text(micros(value));
const usShort = (value) => us(value).replace(/\.0+(?=\D|$)/, '');

function segments(label, list, now, choose) {
  const buttons = list.map(([value, name]) => el('button', { type: 'button', 'aria-pressed': String(value === now()), onclick: () => choose(value) }, name));
  const node = el('div', { class: 'segments', role: 'group', 'aria-label': label }, ...buttons);
  return { node, mark: () => buttons.forEach((button, at) => setAttribute(button, 'aria-pressed', String(list[at][0] === now()))) };
}

export function deviceView(store, id, onState) {
  const slots = { fine: new Map(), coarse: new Map() };
  let maxima = [];
  let now = null;
  let status = null;
  let stop = null;
  let pending = 0;
  let xs = [];
  let row = [];

  // Head.
  const state = el('span', { class: 'state' });
  const mode = el('span', { class: 'mode' });
  const why = el('span', { class: 'why' });
  const danger = el('p', { class: 'danger', role: 'alert', hidden: true });
  const note = el('p', { class: 'note', role: 'status', hidden: true });
  const buttons = store.controls ? controls(id) : null;
  const readOnly = store.controls ? null : el('p', { class: 'muted small' }, 'Read-only: the controller has no web.control_token_file.');
  const values = {};
  const box = (key, name) => {
    values[key] = el('dd', {}, '–');
    return el('div', {}, el('dt', {}, name), values[key]);
  };
  const strip = el('dl', { class: 'strip two', 'aria-label': 'Newest figures' },
    box('miss', 'Miss rate'), box('p50', 'Wake-up p50'), box('p99', 'Wake-up p99'), box('max', 'Wake-up max'), box('response', 'Response p99'),
    box('skipped', 'Skipped, all'), box('cpu', 'CPU busy'), box('temp', 'Temperature'), box('heard', 'Last heard'));
  const spans = segments('Span of time', SPANS, () => span, (value) => {
    span = value;
    spans.mark();
    open();
  });

  // Charts.
  const degraded = (at) => row[at]?.mode === 'DEGRADED';
  const missChart = timeChart({
    series: [
      { label: 'miss rate', tone: 'p50', fill: 'band1', stepped: true, format: pct },
      { label: 'degrade above', tone: 'max', width: 1, dash: [6, 4] },
      { label: 'calm below', tone: 'warn', width: 1, dash: [3, 3] },
    ],
    scale: { range: (u, low, high) => [0, Math.min(1, Math.max(high * 1.1, (store.thresholds?.degrade_above ?? 0.05) * 1.6))], label: pct, space: 28 },
    draw: tint(degraded), sync: 'device',
  });
  const latency = (key) => timeChart({
    series: [{ label: 'max', tone: 'max', width: 1, format: us }, { label: 'p99', tone: 'p99', format: us }, { label: 'p50', tone: 'p50', format: us }],
    bands: [{ between: [1, 2], tone: 'band2' }, { between: [2, 3], tone: 'band1' }],
    scale: { ...log10, range: (u, low, high) => (low === null ? [1, 1000] : [step(low, -1), Math.max(step(high, 1), step(low, -1) * 10)]), label: usShort, splits: (u, axis, low, high) => STEPS.filter((value) => value >= low * 0.999 && value <= high * 1.001) },
    draw: tint(degraded), sync: 'device',
  });
  const [wakeChart, responseChart] = [latency('wakeup'), latency('response')];
  const hostChart = timeChart({
    series: [{ label: 'CPU busy', tone: 'p50', fill: 'band1', format: pct }, { label: 'temperature', tone: 'max', side: true, format: (value) => `${value.toFixed(1)}\u202f°C` }, { label: 'clock', tone: null, width: 0, side: true, format: null }],
    scale: { range: () => [0, 1], label: pct, space: 28 }, side: { scale: { range: (u, low, high) => (low === null ? [0, 100] : [Math.floor(low - 3), Math.ceil(high + 3)]) }, label: (value) => `${value}°` },
    draw: tint(degraded), sync: 'device',
  });
  const recent = (head, cells) => ({ head: ['Time', ...head], right: head.map((_, at) => at + 1), rows: () => row.map((slot, at) => (slot ? [clock(xs[at] * 1000), ...cells(slot)] : null)).filter(Boolean).reverse().slice(0, 60) });
  const three = (key) => recent(['p50', 'p99', 'max'], (slot) => (slot[key] ?? [null, null, null]).map(us));
  const lines = legend(['p50', 'p50'], ['p99', 'p99'], ['max', 'max'], ['deg', 'DEGRADED']);
  const figures = {
    miss: figure('Miss rate and mode', legend(['p50', 'misses per job'], ['limit', 'degrade above'], ['calm', 'calm below'], ['deg', 'DEGRADED']), missChart.node, recent(['Miss rate', 'Misses', 'Skipped', 'Jobs', 'Mode', 'Decided'], (slot) => [pct(slot.rate), slot.misses, slot.skipped, slot.jobs, slot.mode, slot.source ?? ''])),
    wake: figure('Wake-up latency: start after release', lines, wakeChart.node, three('wakeup')),
    response: figure('Response time: end after release', lines.cloneNode(true), responseChart.node, three('response')),
    host: figure('Machine: CPU and temperature', legend(['p50', 'CPU busy'], ['max', 'temperature']), hostChart.node, recent(['CPU', 'Temperature', 'Clock'], (slot) => [slot.cpu === null ? '–' : pct(slot.cpu), slot.temp_c === null ? '–' : `${slot.temp_c.toFixed(1)} °C`, slot.mhz === null ? '–' : `${slot.mhz} MHz`])),
  };
  const canvases = { wakeHist: el('canvas', { class: 'own' }), responseHist: el('canvas', { class: 'own' }), fold: el('canvas', { class: 'own' }) };
  const buckets = (key) => ({ head: ['From', 'To', 'Jobs'], right: [0, 1, 2], rows: () => (now?.histogram?.[key].buckets ?? []).map(([bucket, n]) => [us(2 ** (bucket / 8)), us(2 ** ((bucket + 1) / 8)), text(count(n))]) });
  figures.wakeHist = figure('Wake-up latency: distribution', el('span', { class: 'legend' }, 'both axes logarithmic'), canvases.wakeHist, buckets('wakeup'));
  figures.responseHist = figure('Response time: distribution', el('span', { class: 'legend' }, 'both axes logarithmic'), canvases.responseHist, buckets('response'));
  const periods = segments('Fold at', PERIODS.map((value) => [value, `${value} s`]), () => period, (value) => {
    period = value;
    periods.mark();
    drawFold();
  });
  figures.fold = figure('Windows’ greatest wake-up latency, folded', periods.node, canvases.fold, {
    head: ['Window closed', 'Phase', 'Greatest wake-up', 'Greatest response'], right: [1, 2, 3],
    rows: () => maxima.toSorted((a, b) => b[2] - a[2]).slice(0, 20).map(([, at, wakeup, response]) => [clock(now.epoch_ms + at), `${(((now.epoch_ms + at) / 1000) % period).toFixed(2)} s`, us(wakeup), us(response)]),
  });
  const facts = factsView();
  const charts = el('div', { class: 'charts' }, figures.miss.node, figures.wake.node, figures.wakeHist.node, figures.fold.node, figures.response.node, figures.responseHist.node, figures.host.node);
  const node = el('div', {},
    el('div', { class: 'title' }, el('a', { href: '#/', 'aria-label': 'Back to the fleet' }, '← Fleet'), el('h1', {}, id), state, mode, why),
    el('div', { class: 'about' }, buttons?.node ?? readOnly, spans.node), danger, note, strip, charts, facts.node);

  function open() {
    stop?.();
    stop = follow(`/api/device/${encodeURIComponent(id)}/events?span_s=${span}`, { device: (detail) => take(detail, true), update: (detail) => take(detail, false), gone }, (is, words) => {
      if (is === 'up') onState('up');
      else if (store.devices.has(id)) onState(is, words);
      else gone();
    });
  }
  function gone() {
    note.hidden = false;
    setText(note, 'No device of this name is known to the controller: it was forgotten, or not heard since the controller started.');
  }
  function take(detail, whole) {
    if (whole) {
      slots.fine.clear();
      slots.coarse.clear();
      maxima = [];
    }
    for (const key of ['fine', 'coarse']) detail[key].forEach((slot) => slots[key].set(slot.n, slot));
    maxima = [...maxima, ...detail.maxima].slice(-MAXIMA);
    if (detail.status) status = detail.status;
    now = { ...detail, status, newStatus: Boolean(detail.status) };
    // A hidden page is drawn when it is looked at.
    if (!pending) pending = requestAnimationFrame(show);
    facts.take(now, whole);
  }
  function show() {
    pending = 0;
    head();
    series();
    histograms();
    drawFold();
  }
  function put(key, [number, unit], sub, mood) {
    const parts = [number, unit ? el('span', { class: 'unit' }, unit) : null, sub ? el('span', { class: 'sub' }, sub) : null].filter(Boolean);
    if (values[key].textContent !== parts.map((part) => part.textContent ?? part).join('')) values[key].replaceChildren(...parts);
    setAttribute(values[key], 'data-tone', mood);
  }
  function head() {
    const { newest } = now;
    setAttribute(state, 'data-is', now.state);
    setText(state, now.departure ? `${now.state} (${now.departure})` : now.state);
    setAttribute(mode, 'data-is', now.mode?.mode ?? 'none');
    setText(mode, now.mode?.mode ?? 'no mode told');
    setText(why, [SOURCES[now.mode?.source], now.reason].filter(Boolean).join(': '));
    danger.hidden = !status?.danger;
    setText(danger, status?.danger ?? '');
    note.hidden = now.state === 'online';
    if (now.state === 'stale') setText(note, `Stale: nothing was heard for ${duration(now.age_ms)}. The figures are the last ones told.`);
    if (now.state === 'offline') setText(note, `Offline${now.departure ? ` (${now.departure})` : ''}: last heard ${duration(now.age_ms)} ago. The figures are the last ones told.`);
    buttons?.mark(now.controller);
    const rate = newest?.miss_rate ?? now.observed_rate;
    put('miss', percent(rate), newest ? `${newest.miss_window.misses} of ${newest.miss_window.jobs}` : null, tone(rate, store.thresholds));
    put('p50', micros(newest?.wakeup_us?.p50));
    put('p99', micros(newest?.wakeup_us?.p99));
    put('max', micros(newest?.wakeup_us?.max));
    put('response', micros(newest?.response_us?.p99), newest ? `deadline ${us(newest.task.deadline_us)}` : null, newest?.response_us && newest.response_us.p99 > newest.task.deadline_us ? 'bad' : null);
    put('skipped', count(newest?.total.skipped));
    put('cpu', percent(newest?.host.cpu));
    const flags = throttled(newest?.host.throttled).now;
    put('temp', newest?.host.temp_c === null || newest === null || newest === undefined ? ['–', ''] : [newest.host.temp_c.toFixed(1), '°C'], flags.join(', '), flags.length ? 'bad' : null);
    put('heard', [duration(now.age_ms), ''], 'ago', now.state === 'online' ? null : 'warn');
  }
  function series() {
    const grain = span > 300 ? COARSE : FINE;
    const kept = span > 300 ? slots.coarse : slots.fine;
    const last = Math.floor((now.t_ms - now.epoch_ms) / grain.ms);
    const length = Math.round((span * 1000) / grain.ms);
    for (const n of kept.keys()) if (n <= last - grain.keep) kept.delete(n);
    xs = [];
    row = [];
    for (let n = last - length + 1; n <= last; n += 1) {
      xs.push((n * grain.ms + now.epoch_ms) / 1000);
      row.push(kept.get(n) ?? null);
    }
    // A merged report covers what came before it too.
    for (let at = row.length - 1; at >= 0; at -= 1) {
      const covers = row[at] ? Math.round(row[at].covers_ms / grain.ms) : 0;
      for (let back = 1; back < covers && at - back >= 0 && row[at - back] === null; back += 1) row[at - back] = row[at];
    }
    const at = (get) => row.map((slot) => (slot ? get(slot) ?? null : null));
    const flat = (value) => xs.map(() => value ?? null);
    const range = [xs[0], xs.at(-1) + grain.ms / 1000];
    const limits = store.thresholds;
    missChart.set([xs, at((slot) => slot.rate), flat(limits?.degrade_above), flat(limits?.recover_below)], range);
    const quantile = (key, index) => at((slot) => slot[key] && Math.max(slot[key][index], 0.1));
    for (const [chart, key] of [[wakeChart, 'wakeup'], [responseChart, 'response']]) chart.set([xs, quantile(key, 2), quantile(key, 1), quantile(key, 0)], range);
    hostChart.set([xs, at((slot) => slot.cpu), at((slot) => slot.temp_c), flat(null)], range);
    summaries(at);
  }
  function summaries(at) {
    const told = row.filter(Boolean);
    const name = SPANS.find(([value]) => value === span)[1];
    if (told.length === 0) {
      const words = now.history ? `Nothing was told in the last ${name}.` : 'No history is kept of this device: there are too many.';
      ['miss', 'wake', 'response', 'host'].forEach((key) => figures[key].tell(words));
      return;
    }
    const distinct = [...new Set(told)];
    const [jobs, misses] = distinct.reduce(([j, m], slot) => [j + slot.jobs, m + slot.misses], [0, 0]);
    const rates = at((slot) => slot.rate);
    const most = rates.reduce((best, rate, index) => (rate !== null && (best === -1 || rate > rates[best]) ? index : best), -1);
    const share = told.filter((slot) => slot.mode === 'DEGRADED').length / told.length;
    const limits = store.thresholds ? ` Limits: degrade above ${pct(store.thresholds.degrade_above)}, calm below ${pct(store.thresholds.recover_below)}.` : '';
    figures.miss.tell(`Last ${name}: ${text(count(misses))} misses in ${text(count(jobs))} jobs${jobs ? ` (${text(percent(misses / jobs))})` : ''}; worst ${pct(rates[most])} at ${clock(xs[most] * 1000)}; DEGRADED for ${Math.round(share * 100)}\u202f% of the time.${limits}`);
    for (const [key, field] of [['wake', 'wakeup'], ['response', 'response']]) {
      const maxes = at((slot) => slot[field]?.[2]);
      const worst = maxes.reduce((best, value, index) => (value !== null && (best === -1 || value > maxes[best]) ? index : best), -1);
      const last = told.at(-1)[field];
      figures[key].tell(worst === -1 ? 'No job ran.' : `Newest slot: p50 ${last ? us(last[0]) : '–'}, p99 ${last ? us(last[1]) : '–'}. Greatest ${us(maxes[worst])} at ${clock(xs[worst] * 1000)}. Each slot is ${span > 300 ? '30 s' : '2 s'} of jobs.`);
    }
    const [cpu, temp, mhz] = ['cpu', 'temp_c', 'mhz'].map((key) => told.map((slot) => slot[key]).filter((value) => value !== null));
    figures.host.tell([
      cpu.length ? `CPU ${pct(Math.min(...cpu))} to ${pct(Math.max(...cpu))} busy` : 'CPU load not told',
      temp.length ? `${Math.min(...temp).toFixed(1)} to ${Math.max(...temp).toFixed(1)}\u202f°C` : 'no thermometer',
      mhz.length ? `clock ${Math.min(...mhz)} to ${Math.max(...mhz)}\u202fMHz` : 'no clock frequency told',
    ].join('; ') + '.');
  }
  function histograms() {
    for (const [key, field] of [['wakeHist', 'wakeup'], ['responseHist', 'response']]) {
      const of = now.histogram?.[field];
      const name = SPANS.find(([value]) => value === span)[1];
      if (!of || of.count === 0) {
        figures[key].tell(`No job ran in the last ${name}.`);
        continue;
      }
      const { p50, p99, max } = of.quantiles;
      histogram(canvases[key], of.buckets, [[p50, 'p50', 'p50'], [p99, 'p99', 'p99'], [max, 'max', 'max']]);
      figures[key].tell(`Last ${name}, ${text(count(of.count))} jobs, exact counts: least ${us(of.min)}, p50 ${us(p50)}, p99 ${us(p99)}, greatest ${us(max)}.`);
    }
  }
  function drawFold() {
    if (!now) return;
    const window = now.newest ? now.newest.span_ms / now.newest.merged / 1000 : 0.2;
    const points = maxima.map(([, at, wakeup]) => [((now.epoch_ms + at) / 1000) % period, window, wakeup]);
    fold(canvases.fold, points, period);
    const resolution = `Resolution: a report’s window of ${duration(window * 1000)}.`;
    if (points.length < 20) {
      figures.fold.tell(`${points.length} windows so far. ${resolution}`);
      return;
    }
    const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
    const all = median(points.map(([, , value]) => value));
    const parts = period === 1 ? 5 : 10;
    const bins = Array.from({ length: parts }, (_, at) => points.filter(([phase]) => Math.floor((phase / period) * parts) === at).map(([, , value]) => value));
    const medians = bins.map((bin) => (bin.length >= 3 ? median(bin) : 0));
    const worst = medians.indexOf(Math.max(...medians));
    const width = period / parts;
    const from = +(worst * width).toFixed(1);
    const strong = medians[worst] > 2 * all ? 'stands out' : 'hardly stands out';
    figures.fold.tell(`${points.length} windows. The stretch from ${from} to ${+(from + width).toFixed(1)}\u202fs of every ${period}\u202fs ${strong}: median ${us(medians[worst])}, of all windows ${us(all)}. ${resolution}`);
  }
  const again = () => {
    if (now) {
      histograms();
      drawFold();
    }
  };
  const stopTheme = onTheme(again);
  const observer = new ResizeObserver(again);
  observer.observe(charts);
  open();
  return {
    node,
    title: `${id} – Fleet`,
    key: (key) => {
      const at = SPANS.findIndex(([value]) => value === span);
      const to = key === '[' ? at - 1 : key === ']' ? at + 1 : -1;
      if (SPANS[to]) {
        [span] = SPANS[to];
        spans.mark();
        open();
      }
    },
    end: () => {
      stop?.();
      cancelAnimationFrame(pending);
      stopTheme();
      observer.disconnect();
      [missChart, wakeChart, responseChart, hostChart].forEach((chart) => chart.end());
    },
  };
}
