import uPlot from 'uplot';
import type { Interval } from '../core/series';
import { xStep } from '../core/range';
import { clock, clockMinutes, day } from '../core/time';
import { color, fade } from './color';
import { FONT, marks, shadeOf } from './marks';
import { ticks } from './scales';

// How a chart is told to uPlot.

export interface Line {
  label: string;
  values: (number | null)[];
  tone: string; // colour token: c1…c6, errf, warnf
  now: string; // the current value, for the legend
  alarm?: 'warn' | 'err' | '';
  title?: string; // on hover of the legend
}

export interface ChartData {
  x: number[]; // unix seconds, the begin of each bucket
  lines: Line[];
}

export interface Drawn {
  data: ChartData;
  range: Interval; // unix seconds
  kind?: 'line' | 'stack' | 'bars';
  format?: (v: number | null) => string;
  thresholds?: { value: number; label: string; tone: 'warn' | 'err' }[];
  shade?: readonly Interval[]; // when nothing could be known
  began?: number; // unix seconds before which there is no history
  note?: { at: number; text: string } | null;
  onZoom: (range: Interval | null) => void; // drag, and null for a double click
}

export interface PlotProps extends Drawn {
  lines: Line[]; // those of data that are shown
  label: string;
  format: (v: number | null) => string;
  onHover: (index: number | null) => void;
}

// aligned gives uPlot its columns; stacked lines are added up from the last to
// the first, so that the first is on top.
export function aligned({ data, lines, kind }: PlotProps): uPlot.AlignedData {
  if (kind !== 'stack' && kind !== 'bars') return [data.x, ...lines.map((l) => l.values)];
  const sums: (number | null)[][] = [];
  let below: (number | null)[] = [];
  for (const line of [...lines].reverse()) {
    below = data.x.map((_, i) => {
      const own = line.values[i] ?? null, under = below[i] ?? null;
      return own === null && under === null ? null : (own ?? 0) + (under ?? 0);
    });
    sums.unshift(below);
  }
  return [data.x, ...sums];
}

export function options(latest: { current: PlotProps }, width: number, height: number): uPlot.Options {
  const { kind = 'line', lines } = latest.current;
  const tone = (i: number) => color(latest.current.lines[i - 1]?.tone ?? 'c6');
  const bars = kind === 'bars' ? uPlot.paths.bars!({ size: [0.7, 8], gap: 0 }) : undefined;
  return {
    width, height,
    padding: [6, 6, 0, 0],
    legend: { show: false },
    pxAlign: 1,
    cursor: {
      sync: { key: 'time', setSeries: false },
      drag: { x: true, y: false, setScale: false },
      points: { show: kind !== 'bars', size: 5, width: 0, fill: (_, i) => tone(i) },
      y: false,
      bind: {
        dblclick: () => () => {
          latest.current.onZoom(null);
          return null;
        },
      },
    },
    scales: {
      x: { time: false, auto: false },
      y: { range: (_, __, max) => [0, ticks(top(latest.current, max)).top] },
    },
    axes: [
      {
        size: 20, gap: 2, font: FONT, stroke: () => color('t3'), grid: { show: false }, ticks: { show: false },
        splits: (u, _, min, max) => {
          const step = xStep(max - min, u.bbox.width / devicePixelRatio);
          const list = [];
          const edge = ((max - min) * 24 * devicePixelRatio) / u.bbox.width; // half a label
          for (let s = Math.ceil((min + edge) / step) * step; s <= max - edge; s += step) list.push(s);
          return list;
        },
        values: (u, splits) => splits.map((s) => {
          const span = (u.scales['x']!.max ?? 0) - (u.scales['x']!.min ?? 0);
          return span <= 240 ? clock(s * 1000) : span > 86400 ? day(s * 1000).slice(5) : clockMinutes(s * 1000);
        }),
      },
      {
        size: 38, gap: 4, font: FONT, stroke: () => color('t3'), grid: { stroke: () => color('grid'), width: 1 }, ticks: { show: false },
        splits: (_, __, ___, max) => ticks(max).list,
        values: (_, splits) => splits.map((v) => latest.current.format(v).replace(/ .*$/, '')),
      },
    ],
    series: [
      {},
      ...lines.map((_, i): uPlot.Series => ({
        stroke: () => tone(i + 1),
        width: kind === 'bars' ? 0 : 1.5,
        ...(kind === 'stack' ? { fill: () => fade(tone(i + 1), 0.22) } : {}),
        ...(bars ? { paths: bars, fill: () => tone(i + 1) } : {}),
        points: { show: false },
        spanGaps: false,
      })),
    ],
    ...(kind === 'stack' && lines.length > 1 ? { bands: lines.slice(1).map((_, i) => ({ series: [i + 1, i + 2] as [number, number] })) } : {}),
    hooks: {
      drawClear: [(u) => {
        const { shade = [], began = 0 } = latest.current;
        for (const [from, to] of shade) shadeOf(u, from, to);
        if (began > (u.scales['x']!.min ?? 0)) shadeOf(u, 0, began, `history begins ${clockMinutes(began * 1000)}`);
      }],
      draw: [(u) => marks(u, latest.current)],
      setSelect: [(u) => {
        if (u.select.width < 4) return;
        const range: Interval = [Math.floor(u.posToVal(u.select.left, 'x')), Math.ceil(u.posToVal(u.select.left + u.select.width, 'x'))];
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        latest.current.onZoom(range);
      }],
      setCursor: [(u) => {
        const index = u.cursor.left !== undefined && u.cursor.left >= 0 ? u.cursor.idx ?? null : null;
        latest.current.onHover(index);
      }],
    },
  };
}

// top makes room for a threshold once the values come near it.
function top({ thresholds = [] }: PlotProps, max: number | null): number {
  let high = max ?? 0;
  for (const t of [...thresholds].sort((a, b) => a.value - b.value)) if (high > t.value * 0.3) high = Math.max(high, t.value * 1.05);
  return high;
}
