// Lines of the decision log as sentences.

import { el } from './dom.js';
import { clock, moment, text, micros } from './format.js';

const reaction = (line) => [
  line.receipt_to_effect_us !== null && line.receipt_to_effect_us !== undefined ? `${text(micros(line.receipt_to_effect_us))} from receipt to effect` : null,
  line.reaction_us !== null && line.reaction_us !== undefined ? `${text(micros(line.reaction_us))} from report to effect` : null,
  line.round_trip_ms !== null && line.round_trip_ms !== undefined ? `${text(micros(line.round_trip_ms * 1000))} round trip` : null,
].filter(Boolean).join(', ');

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
  link: (line) => [`broker ${line.state}`, line.reason ?? ''],
};
const TONES = { DEGRADED: 'warn', rejected: 'bad', offline: 'off', contested: 'warn', held: 'warn' };

/** What a line says: `[what, more]`. */
export const words = (line) => (WORDS[line.event] ?? (() => [line.event, '']))(line);

/** The tone of a line. */
export const toneOf = (line) => TONES[line.event] ?? TONES[line.to] ?? TONES[line.mode] ?? (line.state === 'down' ? 'bad' : null);

/** An item of a list, with the device's name as a link. */
export function item(line) {
  const [what, more] = words(line);
  const who = line.device ? el('a', { class: 'who', href: `#/device/${encodeURIComponent(line.device)}` }, line.device) : null;
  return el('li', {},
    el('time', { datetime: new Date(line.t_ms).toISOString(), title: moment(line.t_ms) }, clock(line.t_ms)),
    el('span', {}, who, who ? ' ' : null, el('span', { 'data-tone': toneOf(line) }, what), more ? el('span', { class: 'muted' }, ` ${more}`) : null));
}
