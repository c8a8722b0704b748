// What a device is, and what it has counted.

import { el, setText, table } from './dom.js';
import { count, duration, micros, percent, text, throttled } from './format.js';
import { toneOf, words } from './lines.js';
import { moment } from './format.js';

/** A list of names and values that changes only where a value does. */
export function pairs(title) {
  const list = el('dl', { class: 'pairs' });
  const values = new Map();
  const node = el('section', { class: 'card', 'aria-label': title }, el('h2', {}, title), list);
  return {
    node,
    put(name, value, mood) {
      if (!values.has(name)) {
        const dd = el('dd');
        values.set(name, dd);
        list.append(el('dt', {}, name), dd);
      }
      setText(values.get(name), value ?? '–');
      if (mood) values.get(name).dataset.tone = mood;
      else delete values.get(name).dataset.tone;
    },
  };
}

const yes = (value) => (value === null || value === undefined ? null : value ? 'yes' : 'no');

export function factsView() {
  const [device, task, totals, host] = ['Device', 'Task and real-time thread', 'Counts', 'Machine'].map(pairs);
  const settings = el('div', { class: 'scroll' });
  const log = el('div', { class: 'scroll' });
  const settingsCard = el('section', { class: 'card wide', 'aria-label': 'Real-time settings' }, el('h2', {}, 'Real-time settings, asked and granted'), settings);
  const logCard = el('section', { class: 'card wide', 'aria-label': 'Commands and events' }, el('h2', {}, 'Commands, acknowledgements and events'), log);
  const lines = [];

  return {
    node: el('div', { class: 'facts' }, device.node, task.node, host.node, totals.node, settingsCard, logCard),
    /** `whole`: not only what is new. */
    take(now, whole) {
      const { newest, status, controller, received } = now;
      device.put('State', `${now.state}${now.departure ? ` (${now.departure})` : ''}, heard ${duration(now.age_ms)} ago`);
      device.put('Stale after', duration(now.patience_ms));
      device.put('Agent', now.version);
      device.put('Run', now.boot);
      device.put('Wire', now.dialect);
      device.put('Board', status?.model);
      device.put('Kernel', status?.kernel);
      device.put('PREEMPT_RT', yes(status?.preempt_rt));
      device.put('Up', newest ? duration(newest.up_ms) : null);
      device.put('Wall clock', newest ? (newest.clock_synced ? 'synchronised' : 'not synchronised') : null, newest && !newest.clock_synced ? 'warn' : null);
      if (controller) {
        const by = { policy: 'the policy', 'set-mode': 'an operator', kubeedge: 'the cloud (KubeEdge)' }[controller.wanted_by];
        device.put('Wanted', `${controller.wanted ?? 'left alone'}, by ${by}`);
      }
      const about = newest?.task ?? status?.task;
      if (about) {
        task.put('Task', about.name);
        task.put('Period', text(micros(about.period_us)));
        task.put('Deadline', text(micros(about.deadline_us)));
        task.put('On overrun', about.overrun);
      }
      if (newest) {
        task.put('Scheduling', `${newest.rt.schedule}${newest.rt.priority ? ` ${newest.rt.priority}` : ''}`, newest.rt.schedule === 'other' ? 'warn' : null);
        task.put('Bound to CPU', newest.rt.cpu === null ? 'no' : `${newest.rt.cpu}`);
        task.put('Memory locked', yes(newest.rt.locked));
        task.put('Overhead of a job', text(micros(newest.rt.self_overhead_ns / 1000)));
        task.put('Preemptions, page faults', `${text(count(newest.rt.preemptions))}, ${text(count(newest.rt.faults))} in this window`);
        task.put('Longest run of misses', `${newest.longest_miss_run} in this window`);
        task.put('Worst burst (m, K)', `${newest.worst_burst.misses} of ${newest.worst_burst.jobs}`);
        const flags = throttled(newest.host.throttled);
        host.put('CPU busy', newest.host.cpu === null ? null : text(percent(newest.host.cpu)));
        host.put('Stolen by hypervisor', newest.host.steal === null ? null : text(percent(newest.host.steal)));
        host.put('Temperature', newest.host.temp_c === null ? null : `${newest.host.temp_c.toFixed(1)}\u202f°C`);
        host.put('CPU clock', newest.host.freq_mhz === null ? null : `${newest.host.freq_mhz}\u202fMHz`);
        host.put('Power and throttling', flags.known ? flags.now.join(', ') || 'in order' : null, flags.now.length ? 'bad' : null);
        host.put('Since its start', flags.known ? flags.before.join(', ') || 'in order' : null, flags.before.length ? 'warn' : null);
        host.put('Memory of the agent', newest.host.rss_kb === null ? null : `${(newest.host.rss_kb / 1024).toFixed(1)}\u202fMiB`);
        totals.put('Releases since its start', text(count(newest.total.jobs)));
        totals.put('Misses since its start', `${text(count(newest.total.misses))} (${text(percent(newest.total.jobs ? newest.total.misses / newest.total.jobs : 0))})`);
        totals.put('Skipped since its start', text(count(newest.total.skipped)));
        totals.put('Reports it gave up', text(count(newest.lost.reports)), newest.lost.reports ? 'bad' : null);
      }
      totals.put('Reports received here', `${text(count(received.reports))} (${text(count(received.windows))} windows, ${text(count(received.late))} late)`);
      totals.put('Releases received here', text(count(received.jobs)));
      totals.put('Misses received here', text(count(received.misses)));
      totals.put('Job times lost', text(count(received.records_lost)), received.records_lost ? 'warn' : null);
      if (controller) {
        totals.put('Releases missing here', text(count(controller.missing_jobs)), controller.missing_jobs ? 'warn' : null);
        totals.put('Reports that came twice', text(count(controller.duplicates)));
      }
      if (now.newStatus) this.settings(status.settings ?? []);
      if (whole) {
        lines.length = 0;
        log.replaceChildren();
      }
      if (now.log.length) this.log(now.log);
    },
    settings(list) {
      const mood = { granted: 'ok', refused: 'bad' };
      settings.replaceChildren(list.length ? table('Real-time settings', ['Setting', 'Asked', 'Outcome', 'Why'], list.map((it) => [it.name, it.asked, el('span', { 'data-tone': mood[it.outcome] }, it.outcome), it.why ?? ''])) : el('p', { class: 'muted' }, 'It tells none.'));
    },
    log(news) {
      lines.push(...news);
      lines.splice(0, Math.max(0, lines.length - 40));
      const rows = lines.toReversed().map((line) => {
        const [what, more] = words(line);
        const us = (value) => (value === null || value === undefined ? '' : text(micros(value)));
        return [moment(line.t_ms), line.event.replace('_', ' '), el('span', { 'data-tone': toneOf(line) }, what), us(line.receipt_to_effect_us), us(line.reaction_us), us(line.round_trip_ms === null || line.round_trip_ms === undefined ? null : line.round_trip_ms * 1000),
          ['applied', 'ack'].includes(line.event) ? line.command_id ?? line.id ?? '' : more];
      });
      log.replaceChildren(table('Commands, acknowledgements and events', ['Time', 'Event', 'What', 'Receipt to effect', 'Report to effect', 'Round trip', 'Why, or command'], rows, [3, 4, 5]));
    },
  };
}
