// What is painted by hand: sparklines, histograms on log axes, the fold.

import { text, micros, count } from './format.js';
import { colour } from './theme.js';

/** A canvas's context, cleared, in CSS pixels. */
function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width === 0 || height === 0) return null;
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const ctx = canvas.getContext('2d');
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return { ctx, width, height };
}

/** Miss rates as bars; the root of a rate is its height, so that one miss is seen beside a hundred. */
export function sparkline(canvas, rates, thresholds) {
  const place = prepare(canvas);
  if (!place) return;
  const { ctx, width, height } = place;
  const { degrade_above: bad, recover_below: calm } = thresholds ?? { degrade_above: 0.05, recover_below: 0.01 };
  const top = Math.max(bad * 2, ...rates.map((rate) => rate ?? 0));
  const y = (rate) => height - 1 - Math.sqrt(rate / top) * (height - 3);
  const step = width / rates.length;
  ctx.strokeStyle = colour('line-strong');
  ctx.setLineDash([3, 3]);
  ctx.beginPath();
  ctx.moveTo(0, Math.round(y(bad)) + 0.5);
  ctx.lineTo(width, Math.round(y(bad)) + 0.5);
  ctx.stroke();
  ctx.setLineDash([]);
  const fills = { bad: colour('max'), warn: '#d48a06', low: colour('spark') };
  rates.forEach((rate, at) => {
    if (rate === null) return;
    ctx.fillStyle = rate > bad ? fills.bad : rate >= calm && rate > 0 ? fills.warn : fills.low;
    const top = rate > 0 ? Math.min(y(rate), height - 3) : height - 1;
    ctx.fillRect(at * step + 0.25, top, Math.max(step - 0.75, 0.75), height - top);
  });
}

const PAD = { left: 52, right: 10, top: 8, bottom: 24 };
const decade = (value) => 10 ** value;

function frame({ ctx, width, height }) {
  const box = { x: PAD.left, y: PAD.top, w: width - PAD.left - PAD.right, h: height - PAD.top - PAD.bottom };
  ctx.font = '11px system-ui, "DejaVu Sans", sans-serif';
  return box;
}

function yLog(ctx, box, from, to, label) {
  const span = Math.max(to - from, 1e-9);
  const y = (value) => box.y + box.h - ((Math.log10(value) - from) / span) * box.h;
  const every = Math.max(1, Math.ceil((to - from) / 5));
  ctx.textAlign = 'right';
  ctx.textBaseline = 'middle';
  for (let power = Math.ceil(from); power <= to; power += every) {
    const at = Math.round(y(decade(power))) + 0.5;
    ctx.strokeStyle = colour('grid');
    ctx.beginPath();
    ctx.moveTo(box.x, at);
    ctx.lineTo(box.x + box.w, at);
    ctx.stroke();
    ctx.fillStyle = colour('muted');
    ctx.fillText(label(decade(power)), box.x - 7, at);
  }
  return y;
}

const BUCKETS_PER_OCTAVE = 8;
const bound = (bucket) => 2 ** (bucket / BUCKETS_PER_OCTAVE);
const short = (value) => text(micros(value)).replace(/\.0+(?=\D|$)/, '');

/** Counts per bucket; both axes are logarithmic. `marks` are `[value in µs, name, colour]`. */
export function histogram(canvas, buckets, marks) {
  const place = prepare(canvas);
  if (!place || buckets.length === 0) return;
  const { ctx } = place;
  const box = frame(place);
  const first = Math.floor(buckets[0][0] / BUCKETS_PER_OCTAVE) * BUCKETS_PER_OCTAVE;
  const last = Math.max(first + 16, Math.ceil((buckets.at(-1)[0] + 1) / BUCKETS_PER_OCTAVE) * BUCKETS_PER_OCTAVE);
  const x = (bucket) => box.x + ((bucket - first) / (last - first)) * box.w;
  const most = Math.max(...buckets.map(([, n]) => n));
  const [low, high] = [-0.3, Math.max(1, Math.ceil(Math.log10(most) * 1.02 + 0.05))];
  const y = yLog(ctx, box, low, high, (n) => text(count(n)));
  ctx.textAlign = 'center';
  ctx.textBaseline = 'alphabetic';
  const [from, to] = [Math.log10(bound(first)), Math.log10(bound(last))];
  const steps = to - from > 2.2 ? [1] : [1, 2, 5];
  for (let power = Math.floor(from); power <= to; power += 1) {
    for (const step of steps) {
      const value = step * decade(power);
      const at = x(Math.log2(value) * BUCKETS_PER_OCTAVE);
      if (at < box.x - 1 || at > box.x + box.w + 1) continue;
      ctx.strokeStyle = colour('grid');
      ctx.beginPath();
      ctx.moveTo(Math.round(at) + 0.5, box.y);
      ctx.lineTo(Math.round(at) + 0.5, box.y + box.h);
      ctx.stroke();
      ctx.fillStyle = colour('muted');
      ctx.fillText(short(value), Math.min(Math.max(at, box.x + 12), box.x + box.w - 12), box.y + box.h + 15);
    }
  }
  ctx.fillStyle = colour('p50');
  for (const [bucket, n] of buckets) {
    const left = x(bucket);
    ctx.fillRect(left + 0.3, y(n), Math.max(x(bucket + 1) - left - 0.6, 1), box.y + box.h - y(n));
  }
  for (const [value, name, tone] of marks) {
    const at = x(Math.log2(Math.max(value, 1e-3)) * BUCKETS_PER_OCTAVE);
    ctx.strokeStyle = ctx.fillStyle = colour(tone);
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    ctx.moveTo(at, box.y + 11);
    ctx.lineTo(at, box.y + box.h);
    ctx.stroke();
    ctx.lineWidth = 1;
    ctx.textAlign = at > box.x + box.w - 30 ? 'right' : at < box.x + 20 ? 'left' : 'center';
    ctx.fillText(name, at, box.y + 8);
  }
}

/** Maxima over the phase of a period, each as long as its window. `points` are `[phase s, window s, µs]`. */
export function fold(canvas, points, period) {
  const place = prepare(canvas);
  if (!place || points.length === 0) return;
  const { ctx } = place;
  const box = frame(place);
  const values = points.map(([, , value]) => Math.max(value, 0.1));
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const y = yLog(ctx, box, Math.log10(least) - 0.08, Math.max(Math.log10(most) + 0.08, Math.log10(least) + 0.6), short);
  ctx.textAlign = 'center';
  ctx.textBaseline = 'alphabetic';
  const ticks = period === 1 ? 5 : period === 10 ? 10 : 6;
  for (let tick = 0; tick <= ticks; tick += 1) {
    const at = Math.round(box.x + (tick / ticks) * box.w) + 0.5;
    ctx.strokeStyle = colour('grid');
    ctx.beginPath();
    ctx.moveTo(at, box.y);
    ctx.lineTo(at, box.y + box.h);
    ctx.stroke();
    ctx.fillStyle = colour('muted');
    ctx.fillText(`${+((tick / ticks) * period).toFixed(1)}\u202fs`, Math.min(at, box.x + box.w - 8), box.y + box.h + 15);
  }
  const worst = values.toSorted((a, b) => b - a)[Math.min(9, values.length - 1)];
  const [ordinary, great] = [colour('p50'), colour('max')];
  points.forEach(([phase, window, value]) => {
    const at = y(Math.max(value, 0.1));
    const far = value >= worst;
    ctx.globalAlpha = far ? 0.95 : 0.4;
    ctx.fillStyle = far ? great : ordinary;
    const to = (phase / period) * box.w;
    const long = Math.min(Math.max((window / period) * box.w, 2), box.w);
    const from = Math.max(to - long, 0);
    ctx.fillRect(box.x + from, at - 1, Math.max(to - from, 1.5), far ? 2.5 : 1.5);
    // What began before the period's start ends the one before.
    if (to < long) ctx.fillRect(box.x + box.w - (long - to), at - 1, long - to, far ? 2.5 : 1.5);
  });
  ctx.globalAlpha = 1;
}
