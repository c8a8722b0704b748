// Charts over time, drawn by uPlot, and what all charts have: a title, a summary in words, the figures as a table.

import { el, setText, table } from './dom.js';
import { clock, clockShort } from './format.js';
import { colour, onTheme } from './theme.js';

const FONT = '11px system-ui, "DejaVu Sans", sans-serif';

/** A figure: a title, something beside it, a plot, a summary, a table on demand. */
export function figure(title, aside, plot, { head, right, rows }) {
  const summary = el('p', { class: 'summary' });
  const holder = el('div', { class: 'scroll' });
  const fill = () => holder.replaceChildren(table(title, head, rows(), right));
  const details = el('details', { ontoggle: () => (details.open ? fill() : holder.replaceChildren()) }, el('summary', {}, 'Figures'), holder);
  const node = el('figure', { class: 'card chart', 'aria-label': title }, el('div', { class: 'cap' }, el('h2', {}, title), aside), el('div', { 'aria-hidden': 'true' }, plot), el('figcaption', {}, summary), details);
  return {
    node,
    tell(words) {
      setText(summary, words);
      if (details.open && !holder.contains(document.activeElement) && !details.matches(':hover')) fill();
    },
  };
}

export const legend = (...items) => el('span', { class: 'legend' }, ...items.map(([name, words]) => el('span', { class: name }, words)));

/** A chart over time. `series` are `{ label, tone, width, dash, fill, format }`; `draw(u)` paints below the lines. */
export function timeChart({ series, bands, scale, side, draw, sync }) {
  const node = el('div', { class: 'plot' });
  const tip = el('div', { class: 'tip', hidden: true });
  let plot = null;
  let data = [[], ...series.map(() => [])];
  let range = [0, 1];

  const axis = (more) => ({ stroke: colour('muted'), font: FONT, grid: { stroke: colour('grid'), width: 1 }, ticks: { stroke: colour('grid'), width: 1, size: 4 }, ...more });
  const point = (u) => {
    const at = u.cursor.idx;
    if (at === null || at === undefined || u.cursor.left < 0) {
      tip.hidden = true;
      return;
    }
    const values = series.map((one, index) => [one, u.data[index + 1][at]]).filter(([one, value]) => one.format && value !== null && value !== undefined);
    setText(tip, [clock(u.data[0][at] * 1000), ...values.map(([one, value]) => `${one.label}  ${one.format(value)}`)].join('\n'));
    tip.hidden = values.length === 0;
    const left = u.cursor.left + u.over.offsetLeft;
    tip.style.left = left > node.clientWidth / 2 ? '' : `${left + 12}px`;
    tip.style.right = left > node.clientWidth / 2 ? `${node.clientWidth - left + 12}px` : '';
    tip.style.top = '10px';
  };

  function build() {
    plot?.destroy();
    const width = node.clientWidth;
    if (width === 0) return;
    plot = new uPlot({
      width,
      height: node.clientHeight,
      legend: { show: false },
      padding: [8, side ? 0 : 10, 0, 0],
      cursor: { sync: sync ? { key: sync, setSeries: false } : undefined, drag: { x: false, y: false }, points: { size: 6 } },
      scales: { x: { time: true, range: () => range }, y: scale, ...(side ? { side: side.scale } : {}) },
      axes: [
        axis({ values: (u, ticks) => ticks.map((tick) => (range[1] - range[0] > 900 ? clockShort(tick * 1000) : clock(tick * 1000))), space: 80, size: 28 }),
        axis({ size: 52, gap: 3, values: (u, ticks) => ticks.map((tick) => (tick === null ? '' : scale.label(tick))), ...(scale.space ? { space: scale.space } : {}), ...(scale.splits ? { splits: (u, axis, low, high) => scale.splits(u, axis, low, high), filter: (u, splits) => splits } : {}) }),
        ...(side ? [axis({ scale: 'side', side: 1, size: 46, gap: 3, grid: { show: false }, values: (u, ticks) => ticks.map((tick) => side.label(tick)) })] : []),
      ],
      series: [{}, ...series.map((one) => ({
        label: one.label, scale: one.side ? 'side' : 'y', stroke: one.tone ? colour(one.tone) : undefined, width: one.width ?? 1.5, dash: one.dash,
        fill: one.fill ? colour(one.fill) : undefined, spanGaps: false, points: { show: one.points ?? false, size: 3 },
        paths: one.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
      }))],
      bands: bands?.map(({ between, tone }) => ({ series: between, fill: colour(tone) })),
      hooks: { drawClear: draw ? [draw] : [], setCursor: [point] },
    }, data, node);
    node.append(tip);
  }
  const observer = new ResizeObserver(() => {
    const width = node.clientWidth;
    if (!plot) build();
    else if (width > 0 && (plot.width !== width || plot.height !== node.clientHeight)) plot.setSize({ width, height: node.clientHeight });
  });
  observer.observe(node);
  const stop = onTheme(build);
  return {
    node,
    set(next, span) {
      data = next;
      range = span;
      plot?.setData(data);
    },
    end() {
      observer.disconnect();
      stop();
      plot?.destroy();
    },
  };
}

/** Paints the background where `degraded(index)` holds. */
export function tint(degraded) {
  return (u) => {
    const { ctx, bbox } = u;
    const xs = u.data[0];
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = colour('tint');
    for (let at = 0; at < xs.length; at += 1) {
      if (!degraded(at)) continue;
      let end = at;
      while (end + 1 < xs.length && degraded(end + 1)) end += 1;
      const from = u.valToPos(xs[at], 'x', true);
      const to = u.valToPos(xs[end] + (xs[1] - xs[0] || 0), 'x', true);
      ctx.fillRect(from, bbox.top, to - from, bbox.height);
      at = end;
    }
    ctx.restore();
  };
}
