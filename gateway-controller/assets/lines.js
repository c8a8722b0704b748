// Lines of the decision log as sentences.

import { el } from './dom.js';
import { clock, moment, text, micros } from './format.js';

const reaction = (line) => [
  line.receipt_to_effect_us !== null && line.receipt_to_effect_us !== undefined ? `${text(micros(line.receipt_to_effect_us))} from receipt to effect` : null,
  line.reaction_us !== null && line.reaction_us !== undefined ? `${text(micros(line.reaction_us))} from report to effect` : null,
  line.round_trip_ms !== null && line.round_trip_ms !== undefined ? `${text(micros(line.round_trip_ms * 1000))} round trip` : null,
].filter(Boolean).join(', ');

const HAPPENED = {
  mode: 'mode changed', lost: 'connection lost', back: 'back', held: 'holds its mode', contested: 'contested', rejected: 'command rejected',
  'link-lost': 'no connection to the site’s broker', 'link-back': 'connected to the site’s broker again',
};
const happened = ({ what, mode }) => [HAPPENED[what] ?? what, mode].filter(Boolean).join(': ');

const WORDS = {
  decision: (line) => [`${line.from ?? '–'} → ${line.to ?? 'left alone'}`, `wanted by ${line.source}: ${line.reason}`],
  applied: (line) => [`${line.result} ${line.mode}`, reaction(line)],
  ack: (line) => [`${line.result} ${line.mode}`, ['somebody else’s command', line.reason, reaction(line)].filter(Boolean).join(': ')],
  rejected: (line) => [`command ${line.result}`, line.reason],
  commanded: (line) => [`EdgeX: ${line.result}`, line.mode],
  device_mode: (line) => [`${line.from} → ${line.to}`, `by itself${line.source ? ` (${line.source})` : ''}${line.reason ? `: ${line.reason}` : ''}`],
  held: (line) => [`holds ${line.mode}`, `${line.wanted} is wanted; held by ${line.source}`],
  contested: (line) => ['contested', `somebody else commands ${line.mode}: ${line.reason}`],
  online: (line) => ['online', line.version ?? ''],
  offline: (line) => ['offline', line.departure ?? ''],
  forgotten: (line) => ['forgotten', line.why],
  site_online: (line) => ['site online', line.version ?? ''],
  site_offline: (line) => ['site offline', line.departure ?? ''],
  site_told: (line) => [happened(line.told), line.told.reason ?? ''],
  link: (line) => [`broker ${line.state}`, line.reason ?? ''],
};
const TONES = { DEGRADED: 'warn', rejected: 'bad', offline: 'off', site_offline: 'off', lost: 'off', 'link-lost': 'bad', contested: 'warn', held: 'warn' };

/** What a line says: `[what, more]`. */
export const words = (line) => (WORDS[line.event] ?? (() => [line.event, '']))(line);

/** The tone of a line. */
export const toneOf = (line) => TONES[line.event] ?? TONES[line.to] ?? TONES[line.mode] ?? TONES[line.told?.what] ?? TONES[line.told?.mode] ?? (line.state === 'down' ? 'bad' : null);

const link = (kind, name) => el('a', { class: 'who', href: `#/${kind}/${encodeURIComponent(name)}` }, name);

/** An item of a list, with the name of the device or site as a link. */
export function item(line) {
  const [what, more] = words(line);
  const who = line.device ? link('device', line.device) : line.site ? link('site', line.site) : null;
  const there = line.told?.device ? ` ${line.told.device} ` : ' ';
  return el('li', {},
    el('time', { datetime: new Date(line.t_ms).toISOString(), title: moment(line.t_ms) }, clock(line.t_ms)),
    el('span', {}, who, who ? there : null, el('span', { 'data-tone': toneOf(line) }, what), more ? el('span', { class: 'muted' }, ` ${more}`) : null));
}
