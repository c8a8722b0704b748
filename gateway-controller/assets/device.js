// One device: figures, charts, what it is, what it was told.

import { controls } from './controls.js';
import { figure, legend, tint, timeChart } from './charts.js';
import { el, setAttribute, setText } from './dom.js';
import { factsView } from './facts.js';
import { clock, count, duration, micros, percent, text, throttled, tone, SOURCES } from './format.js';
import { buckets, figures as strips, greatest, history, latencyChart, missChart, pct, recent, segments, setLatency, setMisses, showDistribution, spanBeside, spanName, SPANS, tellLatency, three, us } from './history.js';
import { follow } from './link.js';
import { fold } from './paint.js';
import { onTheme } from './theme.js';

const MAXIMA = 1500;
const PERIODS = [1, 10, 60];
let span = 300;
let period = 10;

export function deviceView(store, id, onState) {
  const slots = history();
  let maxima = [];
  let now = null;
  let status = null;
  let stop = null;
  let pending = 0;
  let lately = { xs: [], row: [] };

  // Head.
  const state = el('span', { class: 'state' });
  const mode = el('span', { class: 'mode' });
  const why = el('span', { class: 'why' });
  const danger = el('p', { class: 'danger', role: 'alert', hidden: true });
  const note = el('p', { class: 'note', role: 'status', hidden: true });
  const buttons = store.controls ? controls(id) : null;
  const readOnly = store.controls ? null : el('p', { class: 'muted small' }, 'Read-only: the controller has no web.control_token_file.');
  const { box, put } = strips();
  const strip = el('dl', { class: 'strip two', 'aria-label': 'Newest figures' },
    box('miss', 'Miss rate'), box('p50', 'Wake-up p50'), box('p99', 'Wake-up p99'), box('max', 'Wake-up max'), box('response', 'Response p99'),
    box('skipped', 'Skipped, all'), box('cpu', 'CPU busy'), box('temp', 'Temperature'), box('heard', 'Last heard'));
  const spans = segments('Span of time', SPANS, () => span, (value) => {
    span = value;
    spans.mark();
    open();
  });

  // Charts.
  const degraded = (at) => lately.row[at]?.mode === 'DEGRADED';
  const misses = missChart(store, tint(degraded), 'device');
  const [wakeChart, responseChart] = [latencyChart(tint(degraded), 'device'), latencyChart(tint(degraded), 'device')];
  const hostChart = timeChart({
    series: [{ label: 'CPU busy', tone: 'p50', fill: 'band1', format: pct }, { label: 'temperature', tone: 'max', side: true, format: (value) => `${value.toFixed(1)}\u202f°C` }, { label: 'clock', tone: null, width: 0, side: true, format: null }],
    scale: { range: () => [0, 1], label: pct, space: 28 }, side: { scale: { range: (u, low, high) => (low === null ? [0, 100] : [Math.floor(low - 3), Math.ceil(high + 3)]) }, label: (value) => `${value}°` },
    draw: tint(degraded), sync: 'device',
  });
  const seen = () => lately;
  const lines = legend(['p50', 'p50'], ['p99', 'p99'], ['max', 'max'], ['deg', 'DEGRADED']);
  const figures = {
    miss: figure('Miss rate and mode', legend(['p50', 'misses per job'], ['limit', 'degrade above'], ['calm', 'calm below'], ['deg', 'DEGRADED']), misses.node, recent(seen, ['Miss rate', 'Misses', 'Skipped', 'Jobs', 'Mode', 'Decided'], (slot) => [pct(slot.rate), slot.misses, slot.skipped, slot.jobs, slot.mode, slot.source ?? ''])),
    wake: figure('Wake-up latency: start after release', lines, wakeChart.node, three(seen, 'wakeup')),
    response: figure('Response time: end after release', lines.cloneNode(true), responseChart.node, three(seen, 'response')),
    host: figure('Machine: CPU and temperature', legend(['p50', 'CPU busy'], ['max', 'temperature']), hostChart.node, recent(seen, ['CPU', 'Temperature', 'Clock'], (slot) => [slot.cpu === null ? '–' : pct(slot.cpu), slot.temp_c === null ? '–' : `${slot.temp_c.toFixed(1)} °C`, slot.mhz === null ? '–' : `${slot.mhz} MHz`])),
  };
  const canvases = { wakeHist: el('canvas', { class: 'own' }), responseHist: el('canvas', { class: 'own' }), fold: el('canvas', { class: 'own' }) };
  figures.wakeHist = figure('Wake-up latency: distribution', el('span', { class: 'legend' }, 'both axes logarithmic'), canvases.wakeHist, buckets(() => now?.histogram?.wakeup));
  figures.responseHist = figure('Response time: distribution', el('span', { class: 'legend' }, 'both axes logarithmic'), canvases.responseHist, buckets(() => now?.histogram?.response));
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
    slots.take(detail, whole);
    if (whole) maxima = [];
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
    lately = slots.row(now, span);
    const { xs, range, at } = lately;
    setMisses(misses, store.thresholds, lately);
    setLatency(wakeChart, 'wakeup', lately);
    setLatency(responseChart, 'response', lately);
    hostChart.set([xs, at((slot) => slot.cpu), at((slot) => slot.temp_c), xs.map(() => null)], range);
    summaries();
  }
  function summaries() {
    const { xs, row, at } = lately;
    const told = row.filter(Boolean);
    const name = spanName(span);
    if (told.length === 0) {
      const words = now.history ? `Nothing was told in the last ${name}.` : 'No history is kept of this device: there are too many.';
      ['miss', 'wake', 'response', 'host'].forEach((key) => figures[key].tell(words));
      return;
    }
    const distinct = [...new Set(told)];
    const [jobs, missed] = distinct.reduce(([j, m], slot) => [j + slot.jobs, m + slot.misses], [0, 0]);
    const rates = at((slot) => slot.rate);
    const most = greatest(rates);
    const share = told.filter((slot) => slot.mode === 'DEGRADED').length / told.length;
    const limits = store.thresholds ? ` Limits: degrade above ${pct(store.thresholds.degrade_above)}, calm below ${pct(store.thresholds.recover_below)}.` : '';
    figures.miss.tell(`Last ${name}: ${text(count(missed))} misses in ${text(count(jobs))} jobs${jobs ? ` (${text(percent(missed / jobs))})` : ''}; worst ${pct(rates[most])} at ${clock(xs[most] * 1000)}; DEGRADED for ${Math.round(share * 100)}\u202f% of the time.${limits}`);
    tellLatency(figures.wake, 'wakeup', lately, span);
    tellLatency(figures.response, 'response', lately, span);
    const [cpu, temp, mhz] = ['cpu', 'temp_c', 'mhz'].map((key) => told.map((slot) => slot[key]).filter((value) => value !== null));
    figures.host.tell([
      cpu.length ? `CPU ${pct(Math.min(...cpu))} to ${pct(Math.max(...cpu))} busy` : 'CPU load not told',
      temp.length ? `${Math.min(...temp).toFixed(1)} to ${Math.max(...temp).toFixed(1)}\u202f°C` : 'no thermometer',
      mhz.length ? `clock ${Math.min(...mhz)} to ${Math.max(...mhz)}\u202fMHz` : 'no clock frequency told',
    ].join('; ') + '.');
  }
  function histograms() {
    showDistribution(figures.wakeHist, canvases.wakeHist, now.histogram?.wakeup, span);
    showDistribution(figures.responseHist, canvases.responseHist, now.histogram?.response, span);
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
      const beside = spanBeside(span, key);
      if (beside !== null) {
        span = beside;
        spans.mark();
        open();
      }
    },
    end: () => {
      stop?.();
      cancelAnimationFrame(pending);
      stopTheme();
      observer.disconnect();
      [misses, wakeChart, responseChart, hostChart].forEach((chart) => chart.end());
    },
  };
}
