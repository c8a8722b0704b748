// One site: figures, charts, what it has counted, what happened there. Nothing is commanded from here.

import { figure, legend } from './charts.js';
import { el, setAttribute, setText, table } from './dom.js';
import { pairs } from './facts.js';
import { bytes, clock, count, duration, micros, moment, percent, share, text, tone } from './format.js';
import { buckets, figures as strips, greatest, history, latencyChart, missChart, pct, recent, segments, setLatency, setMisses, showDistribution, spanBeside, spanName, SPANS, tellLatency, three } from './history.js';
import { toneOf, words } from './lines.js';
import { follow } from './link.js';
import { onTheme } from './theme.js';

const LINES = 40;
let span = 300;

function facts() {
  const [site, devices, counts, way] = ['Site', 'Devices in the newest window', 'Counted here', 'The way here'].map(pairs);
  const log = el('div', { class: 'scroll' });
  const lines = [];
  const number = (value) => text(count(value));
  return {
    node: el('div', { class: 'facts' }, site.node, devices.node, counts.node, way.node, el('section', { class: 'card wide', 'aria-label': 'Occurrences' }, el('h2', {}, 'Occurrences at the site, and its comings and goings'), log)),
    take(now, whole) {
      const { newest, received } = now;
      site.put('State', `${now.state}${now.departure ? ` (${now.departure})` : ''}, heard ${duration(now.age_ms)} ago`);
      site.put('Stale after', duration(now.patience_ms));
      site.put('Controller', now.version);
      site.put('Run', now.boot);
      site.put('Up', newest ? duration(newest.up_ms) : null);
      site.put('A window every', duration(now.every_ms));
      const census = newest?.devices.known ? newest.devices : null;
      devices.put('Known', number(census?.known));
      devices.put('Online', number(census?.online));
      devices.put('Offline', number(census?.offline), census?.offline ? 'warn' : null);
      devices.put('Degraded', number(census?.degraded), census?.degraded ? 'warn' : null);
      devices.put('Missed most', newest?.worst ? `${newest.worst.device}: ${text(percent(newest.worst.miss_rate))}` : null);
      devices.put('Releases missing at the site', number(newest?.missing_jobs), newest?.missing_jobs ? 'warn' : null);
      counts.put('Reports', number(received.counts.reports));
      counts.put('Releases', number(received.counts.jobs));
      counts.put('Misses', `${number(received.counts.misses)} (${text(percent(received.counts.jobs ? received.counts.misses / received.counts.jobs : null))})`);
      counts.put('Skipped', number(received.counts.skipped));
      counts.put('Job times lost', number(received.counts.lost_records), received.counts.lost_records ? 'warn' : null);
      counts.put('Changes of a mode', number(received.counts.mode_changes));
      counts.put('Alarms', number(received.counts.alarms));
      way.put('Messages', `${number(received.messages)} (${number(received.windows)} windows, ${number(received.late)} late)`);
      way.put('Bytes to the site', text(bytes(received.counts.heard_bytes)));
      way.put('Bytes on to here', text(bytes(received.bytes)));
      way.put('Saved', text(share(now.saved)));
      way.put('Occurrences left out', newest ? `${number(newest.occurrences_left_out)} in the newest window` : null);
      if (whole) lines.length = 0;
      if (whole || now.log.length) this.log(now.log);
    },
    log(news) {
      lines.push(...news);
      lines.splice(0, Math.max(0, lines.length - LINES));
      const rows = lines.toReversed().map((line) => {
        const [what, more] = words(line);
        return [moment(line.told?.t_ms ?? line.t_ms), line.told?.device ?? '', el('span', { 'data-tone': toneOf(line) }, what), more];
      });
      log.replaceChildren(rows.length ? table('Occurrences', ['Time', 'Device', 'What', 'Why'], rows) : el('p', { class: 'muted' }, 'None was told.'));
    },
  };
}

export function siteView(store, id, onState) {
  const slots = history();
  let now = null;
  let stop = null;
  let pending = 0;
  let lately = { xs: [], row: [] };

  const state = el('span', { class: 'state' });
  const about = el('span', { class: 'why' });
  const note = el('p', { class: 'note', role: 'status', hidden: true });
  const { box, put } = strips();
  const strip = el('dl', { class: 'strip two', 'aria-label': 'Newest figures' },
    box('devices', 'Devices online'), box('degraded', 'Degraded'), box('miss', 'Miss rate'), box('p50', 'Wake-up p50'), box('p99', 'Wake-up p99'), box('max', 'Wake-up max'),
    box('response', 'Response p99'), box('saved', 'Bandwidth saved'), box('heard', 'Last heard'));
  const spans = segments('Span of time', SPANS, () => span, (value) => {
    span = value;
    spans.mark();
    open();
  });
  const misses = missChart(store, null, 'site');
  const [wakeChart, responseChart] = [latencyChart(null, 'site'), latencyChart(null, 'site')];
  const seen = () => lately;
  const rate = (slot) => (slot.rate === null ? '–' : pct(slot.rate));
  const lines = legend(['p50', 'p50'], ['p99', 'p99'], ['max', 'max']);
  const canvases = { wakeHist: el('canvas', { class: 'own' }), responseHist: el('canvas', { class: 'own' }) };
  const log = () => el('span', { class: 'legend' }, 'both axes logarithmic');
  const figures = {
    miss: figure('Miss rate of all devices', legend(['p50', 'misses per job'], ['limit', 'degrade above'], ['calm', 'calm below']), misses.node, recent(seen, ['Miss rate', 'Misses', 'Skipped', 'Jobs'], (slot) => [rate(slot), slot.misses, slot.skipped, slot.jobs])),
    wake: figure('Wake-up latency: start after release', lines, wakeChart.node, three(seen, 'wakeup')),
    wakeHist: figure('Wake-up latency: distribution', log(), canvases.wakeHist, buckets(() => now?.histogram.wakeup)),
    response: figure('Response time: end after release', lines.cloneNode(true), responseChart.node, three(seen, 'response')),
    responseHist: figure('Response time: distribution', log(), canvases.responseHist, buckets(() => now?.histogram.response)),
  };
  const more = facts();
  const charts = el('div', { class: 'charts' }, ...Object.values(figures).map(({ node }) => node));
  const node = el('div', {},
    el('div', { class: 'title' }, el('a', { href: '#/', 'aria-label': 'Back to the fleet' }, '← Fleet'), el('h1', {}, id), state, about),
    el('div', { class: 'about' }, el('p', { class: 'muted small' }, 'A site: its own controller looks after its devices; nothing is commanded from here.'), spans.node), note, strip, charts, more.node);

  function open() {
    stop?.();
    stop = follow(`/api/site/${encodeURIComponent(id)}/events?span_s=${span}`, { site: (detail) => take(detail, true), update: (detail) => take(detail, false) }, (is, told) => {
      if (is === 'up') onState('up');
      else if (store.sites.has(id)) onState(is, told);
      else unknown();
    });
  }
  function unknown() {
    note.hidden = false;
    setText(note, 'No site of this name is known to the controller: nothing was heard of it since the controller started.');
  }
  function take(detail, whole) {
    slots.take(detail, whole);
    now = detail;
    // A hidden page is drawn when it is looked at.
    if (!pending) pending = requestAnimationFrame(show);
    more.take(now, whole);
  }
  function show() {
    pending = 0;
    head();
    series();
    distributions();
  }
  function head() {
    const { newest } = now;
    setAttribute(state, 'data-is', now.state);
    setText(state, now.departure ? `${now.state} (${now.departure})` : now.state);
    setText(about, now.version ? `controller ${now.version}` : '');
    note.hidden = now.state === 'online';
    if (now.state === 'stale') setText(note, newest ? `Stale: no window came for ${duration(now.age_ms)}. The figures are the last ones told.` : 'Stale: no window has come yet.');
    if (now.state === 'offline') setText(note, `Offline${now.departure ? ` (${now.departure})` : ''}: last heard ${duration(now.age_ms)} ago. The figures are the last ones told.`);
    const census = newest?.devices.known ? newest.devices : null;
    put('devices', count(census?.online), census ? `of ${text(count(census.known))}` : null, census && census.online < census.known ? 'warn' : null);
    put('degraded', count(census?.degraded), null, census?.degraded ? 'warn' : null);
    put('miss', percent(newest?.miss_rate), newest?.counts.jobs ? `${text(count(newest.counts.misses))} of ${text(count(newest.counts.jobs))}` : null, tone(newest?.miss_rate, store.thresholds));
    put('p50', micros(newest?.wakeup_us?.p50));
    put('p99', micros(newest?.wakeup_us?.p99));
    put('max', micros(newest?.wakeup_us?.max));
    put('response', micros(newest?.response_us?.p99));
    put('saved', share(now.saved), `${text(bytes(now.received.bytes))} for ${text(bytes(now.received.counts.heard_bytes))}`);
    put('heard', [duration(now.age_ms), ''], 'ago', now.state === 'online' ? null : 'warn');
  }
  function series() {
    lately = slots.row(now, span);
    setMisses(misses, store.thresholds, lately);
    setLatency(wakeChart, 'wakeup', lately);
    setLatency(responseChart, 'response', lately);
    const { xs, row, at } = lately;
    const told = [...new Set(row.filter(Boolean))];
    if (told.length === 0) {
      ['miss', 'wake', 'response'].forEach((key) => figures[key].tell(`Nothing was told in the last ${spanName(span)}.`));
      return;
    }
    const [jobs, missed] = told.reduce(([j, m], slot) => [j + slot.jobs, m + slot.misses], [0, 0]);
    const rates = at((slot) => slot.rate);
    const most = greatest(rates);
    figures.miss.tell(most === -1 ? 'No job ran.' : `Last ${spanName(span)}: ${text(count(missed))} misses in ${text(count(jobs))} jobs (${text(percent(missed / jobs))}); worst ${pct(rates[most])} at ${clock(xs[most] * 1000)}.`);
    tellLatency(figures.wake, 'wakeup', lately, span);
    tellLatency(figures.response, 'response', lately, span);
  }
  function distributions() {
    showDistribution(figures.wakeHist, canvases.wakeHist, now.histogram.wakeup, span);
    showDistribution(figures.responseHist, canvases.responseHist, now.histogram.response, span);
  }
  const again = () => {
    if (now) distributions();
  };
  const stopTheme = onTheme(again);
  const observer = new ResizeObserver(again);
  observer.observe(charts);
  open();
  return {
    node,
    title: `${id} – Sites`,
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
      [misses, wakeChart, responseChart].forEach((chart) => chart.end());
    },
  };
}
