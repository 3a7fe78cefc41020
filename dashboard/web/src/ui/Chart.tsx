import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { short } from '../core/format';
import { xStep } from '../core/range';
import type { Interval } from '../core/series';
import { settings } from '../core/settings';
import { clock, clockMinutes, day } from '../core/time';
import { color, fade } from './color';
import { Icon } from './icons';
import { Panel, type PanelProps } from './Panel';
import './chart.css';
import { ticks } from './scales';

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

export interface ChartProps extends Omit<PanelProps, 'children' | 'unit'> {
  unit: string;
  data: ChartData;
  range: Interval; // unix seconds
  kind?: 'line' | 'stack' | 'bars';
  format?: (v: number | null) => string;
  thresholds?: { value: number; label: string; tone: 'warn' | 'err' }[];
  shade?: readonly Interval[]; // when nothing could be known
  began?: number; // unix seconds before which there is no history
  note?: { at: number; text: string } | null;
  extra?: (index: number) => string; // more about the moment under the crosshair
  onZoom: (range: Interval | null) => void; // drag, and null for a double click
}

// Chart is a panel with one time chart. All charts of a page share crosshair and
// range; gaps are gaps. "Table" shows the same figures as a table.
export function Chart(props: ChartProps) {
  const { data, unit, format = short, extra, empty, actions } = props;
  const [asTable, setAsTable] = useState(false);
  const [only, setOnly] = useState<string | null>(null);
  const [hover, setHover] = useState<number | null>(null);
  const lines = only !== null && data.lines.some((l) => l.label === only) ? data.lines.filter((l) => l.label === only) : data.lines;
  const sentence = `${props.title}, ${unit}: ${data.lines.map((l) => `${l.label} ${l.now}`).join(', ') || 'no data'}`;
  const at = hover !== null ? data.x[hover] : undefined;
  return (
    <Panel
      {...props}
      class={`chart ${props.class ?? ''}`}
      unit={at === undefined ? unit : [clock(at * 1000), extra?.(hover!)].filter(Boolean).join(' · ')}
      actions={<>{actions}{!empty && <button class="btn ico quiet" aria-pressed={asTable} aria-label={`${props.title} as a table`} title={asTable ? 'Show the chart' : 'Show as a table'} onClick={() => setAsTable(!asTable)}><Icon name={asTable ? 'chart' : 'table'} size={14} /></button>}</>}
    >
      <div class="legend">
        {data.lines.map((l) => (
          <button key={l.label} class={only !== null && only !== l.label ? 'off' : ''} aria-pressed={only === l.label} title={l.title ?? l.label} onClick={() => setOnly(only === l.label ? null : l.label)}>
            <i class={`f-${l.tone}`} /><span>{l.label}</span><b class={l.alarm}>{hover !== null && data.x[hover] !== undefined ? format(l.values[hover] ?? null) : l.now}</b>
          </button>
        ))}
      </div>
      {asTable ? <ChartTable x={data.x} lines={lines} title={props.title} format={format} /> : <Plot {...props} lines={lines} label={sentence} format={format} onHover={setHover} />}
    </Panel>
  );
}

function ChartTable({ x, lines, title, format }: { x: number[]; lines: Line[]; title: string; format: (v: number | null) => string }) {
  const rows = x.map((s, i) => [s, i] as const).reverse();
  return (
    <div class="plot scroll" tabIndex={0} role="group" aria-label={`${title} as a table`}>
      <table class="tb small">
        <thead><tr><th scope="col">Time</th>{lines.map((l) => <th key={l.label} scope="col" class="num">{l.label}</th>)}</tr></thead>
        <tbody>{rows.slice(0, 200).map(([s, i]) => <tr key={s}><th scope="row">{clock(s * 1000)}</th>{lines.map((l) => <td key={l.label} class="num">{format(l.values[i] ?? null)}</td>)}</tr>)}</tbody>
      </table>
    </div>
  );
}

interface PlotProps extends ChartProps {
  lines: Line[];
  label: string;
  format: (v: number | null) => string;
  onHover: (index: number | null) => void;
}

const FONT = '10.5px Inter, system-ui, sans-serif';

// Plot is the canvas. uPlot is made anew only when the number or the kind of its
// lines changes; figures, range and theme only redraw it.
function Plot(props: PlotProps): ComponentChildren {
  const { lines, kind = 'line', data, range, label } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const shape = `${kind} ${lines.length}`;

  useLayoutEffect(() => {
    const el = host.current!;
    const u = new uPlot(options(latest, el.clientWidth || 300, el.clientHeight || 118), aligned(latest.current), el);
    plot.current = u;
    const watch = new ResizeObserver(() => {
      if (el.clientWidth > 0 && (el.clientWidth !== u.width || el.clientHeight !== u.height)) u.setSize({ width: el.clientWidth, height: el.clientHeight });
    });
    watch.observe(el);
    const redraw = () => setTimeout(() => u.redraw(false, true));
    const off = settings.on(redraw), scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', redraw);
    return () => {
      off();
      scheme.removeEventListener('change', redraw);
      watch.disconnect();
      u.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => {
    const u = plot.current;
    if (!u) return;
    u.batch(() => {
      u.setData(aligned(latest.current), false);
      u.setScale('x', { min: range[0], max: range[1] });
    });
  }, [data, range[0], range[1], shape, lines.map((l) => l.label + l.tone).join()]);

  const key = (e: KeyboardEvent) => {
    const u = plot.current;
    if (!u || !/^Arrow(Left|Right)$/.test(e.key)) return;
    e.preventDefault();
    const last = data.x.length - 1, now = u.cursor.idx ?? last;
    const next = Math.max(0, Math.min(last, now + (e.key === 'ArrowLeft' ? -1 : 1)));
    u.setCursor({ left: u.valToPos(data.x[next] ?? 0, 'x'), top: 10 });
  };
  return <div class="plot" ref={host} role="img" aria-label={label} tabIndex={0} onKeyDown={key} onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })} />;
}

// aligned gives uPlot its columns; stacked lines are added up from the last to
// the first, so that the first is on top.
function aligned({ data, lines, kind }: PlotProps): uPlot.AlignedData {
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

function options(latest: { current: PlotProps }, width: number, height: number): uPlot.Options {
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

function shadeOf(u: uPlot, from: number, to: number, label = ''): void {
  const { ctx, bbox } = u, px = devicePixelRatio;
  const a = Math.max(bbox.left, u.valToPos(from, 'x', true)), b = Math.min(bbox.left + bbox.width, u.valToPos(to, 'x', true));
  if (b <= a) return;
  ctx.save();
  ctx.fillStyle = color('s2');
  ctx.fillRect(a, bbox.top, b - a, bbox.height);
  ctx.font = FONT.replace('10.5px', `${10.5 * px}px`);
  if (label && ctx.measureText(label).width < b - a - 12 * px) {
    ctx.fillStyle = color('t3');
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    ctx.fillText(label, (a + b) / 2, bbox.top + bbox.height / 2);
  }
  ctx.restore();
}

// marks draws thresholds, the note, and a dot at the newest value of each line.
function marks(u: uPlot, props: PlotProps): void {
  const { ctx, bbox } = u, px = devicePixelRatio;
  const high = u.scales['y']!.max ?? 0;
  ctx.save();
  ctx.font = FONT.replace('10.5px', `${10.5 * px}px`);
  ctx.textBaseline = 'alphabetic';
  ctx.lineWidth = px;
  const dashed = (x1: number, y1: number, x2: number, y2: number, text: string, tx: number, ty: number, tone: string, align: CanvasTextAlign) => {
    ctx.strokeStyle = ctx.fillStyle = color(tone);
    ctx.setLineDash([3 * px, 3 * px]);
    ctx.beginPath();
    ctx.moveTo(x1, y1);
    ctx.lineTo(x2, y2);
    ctx.stroke();
    ctx.textAlign = align;
    ctx.fillText(text, tx, ty);
  };
  let free = -Infinity; // labels are written from the top down, where there is room
  for (const t of [...(props.thresholds ?? [])].sort((a, b) => b.value - a.value)) {
    if (t.value > high) continue;
    const y = Math.round(u.valToPos(t.value, 'y', true)) + 0.5, room = y - 12 * px > free;
    dashed(bbox.left, y, bbox.left + bbox.width, y, room ? t.label : '', bbox.left + 4 * px, y - 3 * px, t.tone, 'left');
    free = y;
  }
  if (props.note) {
    const x = u.valToPos(props.note.at, 'x', true), left = x > bbox.left + bbox.width / 2;
    if (x >= bbox.left && x <= bbox.left + bbox.width) dashed(x, bbox.top, x, bbox.top + bbox.height, props.note.text, x + (left ? -4 : 4) * px, bbox.top + 8 * px, 't3', left ? 'right' : 'left');
  }
  ctx.setLineDash([]);
  if ((props.kind ?? 'line') === 'line') {
    props.lines.forEach((line) => {
      const last = line.values.length - 1;
      const value = line.values[last] ?? null;
      if (value === null) return;
      const x = u.valToPos(props.data.x[last]!, 'x', true);
      if (x > bbox.left + bbox.width + px || x < bbox.left) return;
      ctx.fillStyle = color(line.tone);
      ctx.beginPath();
      ctx.arc(x, u.valToPos(value, 'y', true), 2.2 * px, 0, 7);
      ctx.fill();
    });
  }
  ctx.restore();
}
