import { causeName, isSplit } from '../core/causes';
import { outputOf, outputs, nameOf, receivers } from '../core/flow';
import { count, short } from '../core/format';
import { alarm, type Fold, type Metrics, type Series } from '../core/series';
import type { ChartData, Line } from './options';
import type { Range } from '../core/range';

// What charts show of some series. Pure, but for the colours of names, which the
// page hands in.

export type Hue = (name: string) => string;

// total of what is known; null when nothing is.
export const total = (list: readonly Series[], value: (s: Series) => number | null): number | null =>
  list.reduce<number | null>((sum, s) => {
    const v = value(s);
    return v === null ? sum : (sum ?? 0) + v;
  }, null);

const xs = (r: Range): number[] => Array.from({ length: (r.to - r.from) / r.width }, (_, i) => r.from + i * r.width);

// recent is the value of the last seconds of the range. Who has not reported the
// newest one yet has one less: a figure need not wait for the others.
export const recent = (s: Series, r: Range, how?: Fold): number | null => s.over(r.newest - Math.max(5, r.width), r.newest, how, false) ?? s.over(r.to - r.width, r.to, how, r.coarse);

// labelOf a series among others: what all senders share says nothing in a legend, whose
// words are cut off at their end. The whole name is its title.
function labelOf(s: Series, list: readonly Series[]): { label: string; title: string } {
  const title = nameOf(s, list);
  return { title, label: (list.every((o) => o.sender === s.sender) && title.slice(s.sender.length + 1)) || title };
}

// named is one line for each sender; several addresses are lines of their own.
function named(list: readonly Series[], r: Range, hue: Hue, format: (v: number | null) => string): Line[] {
  return list
    .map((s): Line => ({ ...labelOf(s, list), values: s.points(r.from, r.to, r.width, undefined, r.coarse), tone: hue(nameOf(s, list)), now: format(recent(s, r)) }))
    .filter((l) => l.values.some((v) => v !== null));
}

// throughputIn is by receiver, so its lines need not say that.
export const throughputIn = (store: Metrics, r: Range, hue: Hue): ChartData => ({ x: xs(r), lines: named(receivers(store), r, hue, short).map((l) => ({ ...l, label: l.label.replace(/-receiver\b/, '') })) });

export const throughputOut = (store: Metrics, r: Range, hue: Hue): ChartData => ({ x: xs(r), lines: named(outputs(store), r, hue, short) });

// batch sizes are means of ten seconds, since not every second has a batch.
export function batchSize(store: Metrics, r: Range, hue: Hue): ChartData {
  const list = store.of('BatchSize'), width = Math.max(10, r.width);
  const mean = (s: Series, to: number) => s.over(to - width, to, undefined, r.coarse);
  const lines = list.map((s): Line => ({ ...labelOf(s, list), tone: hue(nameOf(s, list)), now: count(mean(s, r.end)), values: xs(r).map((x) => mean(s, x + r.width)) }));
  return { x: xs(r), lines: lines.filter((l) => l.values.some((v) => v !== null)) };
}

// batchCounts are posts per second of all, beside batchSize.
export function batchCounts(store: Metrics, r: Range): (number | null)[] {
  const all = store.of('BatchCount').map((s) => s.points(r.from, r.to, r.width, undefined, r.coarse));
  return xs(r).map((_, i) => all.reduce<number | null>((sum, values) => (values[i] === null ? sum : (sum ?? 0) + values[i]!), null));
}

// lag is one line for each output; of more than six the least late fold into one.
export function lag(store: Metrics, r: Range, hue: Hue): ChartData {
  const list = store.of('Lag');
  const lines = named(list, r, hue, short).map((l, i) => {
    const s = list.find((s) => nameOf(s, list) === l.title)!;
    const value = recent(s, r) ?? -1;
    return { ...l, value, i, alarm: alarm(value, s.threshold) };
  });
  if (lines.length <= 6) return { x: xs(r), lines };
  lines.sort((a, b) => b.value - a.value || a.i - b.i);
  const rest = lines.slice(5);
  const most = Math.max(...rest.map((l) => l.value));
  const values = xs(r).map((_, i) => rest.reduce<number | null>((max, l) => (l.values[i] === null ? max : Math.max(max ?? 0, l.values[i]!)), null));
  const folded: Line = { label: `${rest.length} others`, values, tone: 'c6', now: most >= 0 ? `≤ ${short(most)}` : short(null), title: rest.map((l) => l.title).join(', ') };
  return { x: xs(r), lines: [folded, ...lines.slice(0, 5).sort((a, b) => a.i - b.i)] };
}

// thresholds that travel with the data: the lowest of each kind.
export function thresholds(list: readonly Series[]): { value: number; label: string; tone: 'warn' | 'err' }[] {
  const all = list.flatMap((s) => (s.threshold ? [s.threshold] : []));
  if (all.length === 0) return [];
  const warn = Math.min(...all.map((t) => t.warn)), error = Math.min(...all.map((t) => t.error));
  return [{ value: warn, label: `warn ${short(warn)}`, tone: 'warn' }, { value: error, label: `error ${short(error)}`, tone: 'err' }];
}

export const latencyOutputs = (store: Metrics): string[] => [...new Set(store.of('DeliveryLatencyP99').map(outputOf))];

// latency of one output, or of all that there are.
export function latency(store: Metrics, r: Range, output?: string): ChartData {
  const line = (type: string, label: string, tone: string): Line => {
    const list = store.of(type).filter((s) => output === undefined || outputOf(s) === output);
    const values = fold(list, r, 'max');
    const now = list.map((s) => recent(s, r)).filter((v) => v !== null);
    return { label, values, tone, now: now.length ? short(Math.max(...now)) : short(null) };
  };
  return { x: xs(r), lines: [line('DeliveryLatencyP50', 'p50', 'c6'), line('DeliveryLatencyP95', 'p95', 'c1'), line('DeliveryLatencyP99', 'p99', 'c4')].filter((l) => l.values.some((v) => v !== null)) };
}

// fold several series of a kind into one, as the largest or the sum.
export function fold(list: readonly Series[], r: Range, how: 'sum' | 'max', each?: Fold): (number | null)[] {
  const all = list.map((s) => s.points(r.from, r.to, r.width, each, r.coarse));
  return xs(r).map((_, i) => all.reduce<number | null>((total, values) => {
    const v = values[i] ?? null;
    return v === null ? total : total === null ? v : how === 'sum' ? total + v : Math.max(total, v);
  }, null));
}

export interface Failed extends ChartData {
  width: number; // seconds of a point
  why: string[]; // of each point, in words
  begins: { at: number; text: string } | null; // where posts begin to be repeated
}

// failed deliveries are counts per ten seconds, or per point where these are longer.
export function failed(store: Metrics, r: Range): Failed {
  const width = Math.max(10, r.width), to = Math.ceil(r.to / width) * width;
  const wide = { ...r, width, to, from: Math.floor(r.from / width) * width }, x = xs(wide);
  const line = (type: string, label: string, tone: string): Line => {
    const list = store.of(type);
    return { label, values: fold(list, wide, 'sum', 'sum'), tone, now: short(total(list, (s) => s.over(r.end - width, r.end, 'sum', r.coarse))) };
  };
  const parts = store.parts('Retried').map(({ cause, series }) => ({ cause, values: fold([series], wide, 'sum', 'sum') }));
  const at = (i: number) => parts.filter((p) => (p.values[i] ?? 0) > 0);
  const why = x.map((_, i) => at(i).map((p) => `${causeName(p.cause)} × ${count(p.values[i])}`).join(', '));
  const come = x.map((_, i) => at(i).find((p) => !isSplit(p.cause))?.cause);
  const begin = come.findIndex((cause, i) => i > 0 && cause !== undefined && come[i - 1] === undefined);
  return {
    x, width, why, begins: begin < 0 ? null : { at: x[begin]!, text: `${causeName(come[begin]!)} begins` },
    lines: [line('Retried', 'retried', 'c2'), line('DeadLettered', 'dead-lettered', 'errf')].filter((l) => l.values.some((v) => v !== null)),
  };
}
