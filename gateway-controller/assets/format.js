// Numbers with units.

const NONE = '–';
const digits = (value) => (value >= 100 ? 0 : value >= 10 ? 1 : 2);

/** Microseconds as [number, unit]. */
export function micros(value) {
  if (value === null || value === undefined) return [NONE, ''];
  if (value < 1000) return [value.toFixed(value >= 100 ? 0 : 1), 'µs'];
  if (value < 1e6) return [(value / 1e3).toFixed(digits(value / 1e3)), 'ms'];
  return [(value / 1e6).toFixed(digits(value / 1e6)), 's'];
}

/** A share as [number, unit]. */
export function percent(share) {
  if (share === null || share === undefined) return [NONE, ''];
  const value = share * 100;
  return [value === 0 ? '0' : value >= 99.95 ? '100' : value >= 10 ? value.toFixed(1) : value < 0.01 ? '<0.01' : value.toFixed(2), '%'];
}

/** A share of something saved as [number, unit]: below 0 if it was more, not less. */
export function share(value) {
  if (value === null || value === undefined) return [NONE, ''];
  return [(value * 100).toFixed(1), '%'];
}

/** Bytes as [number, unit]. */
export function bytes(value) {
  if (value === null || value === undefined) return [NONE, ''];
  if (value < 1000) return [`${value}`, 'B'];
  const power = [1e3, 1e6, 1e9, 1e12].findLastIndex((unit) => value >= unit);
  const shown = value / 1000 ** (power + 1);
  return [shown.toFixed(digits(shown)), ['kB', 'MB', 'GB', 'TB'][power]];
}

/** A count as [number, unit], with thin spaces between thousands. */
export function count(value) {
  if (value === null || value === undefined) return [NONE, ''];
  return [Math.round(value).toLocaleString('en').replaceAll(',', '\u202f'), ''];
}

/** As one text. */
export const text = ([number, unit]) => (unit ? `${number}\u202f${unit}` : number);

/** Milliseconds as people say them. */
export function duration(ms) {
  if (ms === null || ms === undefined) return NONE;
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)}\u202fs`;
  if (s < 120) return `${Math.round(s)}\u202fs`;
  if (s < 7200) return `${Math.round(s / 60)}\u202fmin`;
  if (s < 172800) return `${(s / 3600).toFixed(1)}\u202fh`;
  return `${(s / 86400).toFixed(1)}\u202fdays`;
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const SHORT = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short' });

/** A time of day from milliseconds since 1970. */
export const clock = (ms) => CLOCK.format(ms);
/** The same without seconds. */
export const clockShort = (ms) => SHORT.format(ms);
/** A time, with the day if it is not today. */
export const moment = (ms) => (new Date(ms).toDateString() === new Date().toDateString() ? clock(ms) : `${DAY.format(ms)} ${clock(ms)}`);

const FLAGS = [[0, 'under-voltage'], [1, 'frequency capped'], [2, 'throttled'], [3, 'temperature limit']];

/** Throttle flags as words: of now, and since boot. */
export function throttled(flags) {
  if (flags === null || flags === undefined) return { now: [], before: [], known: false };
  const named = (shift) => FLAGS.filter(([bit]) => (flags >>> (bit + shift)) & 1).map(([, name]) => name);
  return { now: named(0), before: named(16), known: true };
}

/** Tone of a miss rate against the policy's thresholds. */
export function tone(rate, thresholds) {
  if (rate === null || rate === undefined) return null;
  const { degrade_above: bad, recover_below: calm } = thresholds ?? { degrade_above: 0.05, recover_below: 0.01 };
  return rate > bad ? 'bad' : rate >= calm && rate > 0 ? 'warn' : null;
}

export const SOURCES = {
  operator: 'held at the device', safety: 'by its own safety', gateway: 'by the gateway', local: 'by its own policy', default: 'by default',
};
