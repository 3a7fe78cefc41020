import { visible } from './text';
import type { Point, SeriesAnswer } from './types';

// History in the browser: one value per second and series for an hour, one per
// ten seconds for six. Times here are unix seconds of the server.

export const FINE = 3600;
export const COARSE = 2160;
const MOST = 1000; // series; a sender with random names must not eat the browser

// A Ring keeps the newest size buckets of step seconds each. A bucket nobody
// wrote is null, never 0.
export class Ring {
  private values: Float64Array | null = null; // until something comes
  private last = -1; // newest bucket

  constructor(readonly step: number, readonly size: number) {}

  // put writes or rewrites a bucket; one older than the ring is dropped.
  put(second: number, value: number): void {
    const bucket = Math.floor(second / this.step);
    if (this.last >= 0 && bucket <= this.last - this.size) return;
    const values = (this.values ??= new Float64Array(this.size).fill(NaN));
    if (bucket > this.last) {
      const from = Math.max(this.last + 1, bucket - this.size + 1);
      for (let b = from; b < bucket; b++) values[b % this.size] = NaN;
      this.last = bucket;
    }
    values[bucket % this.size] = value;
  }

  at(second: number): number | null {
    const bucket = Math.floor(second / this.step);
    if (!this.values || bucket < 0 || bucket > this.last || bucket <= this.last - this.size) return null;
    const value = this.values[bucket % this.size]!;
    return Number.isNaN(value) ? null : value;
  }

  // newest second (begin of the bucket) that has a value, null if none.
  newest(): number | null {
    for (let b = this.last; b >= 0 && b > this.last - this.size; b--) {
      if (!Number.isNaN(this.values![b % this.size]!)) return b * this.step;
    }
    return null;
  }
}

export type Fold = 'mean' | 'sum' | 'max' | 'last';

// How the events of several seconds become one. Totals are shown as a rate per
// second, so they fold by their mean.
const folds: Record<string, Fold> = {
  Lag: 'max', DeliveryLatencyP50: 'max', DeliveryLatencyP95: 'max', DeliveryLatencyP99: 'max', InFlight: 'last', Connections: 'last', Storing: 'last', Paused: 'max',
};

// Metrics whose missing second means 0 as long as the sender says anything else
// in it: they are only sent when something happened.
const totals = new Set(['Throughput', 'ThroughputBytes', 'BatchCount', 'Stored', 'Delivered', 'Filtered', 'DeadLettered', 'Retried', 'Rejected']);

// Who reports. Group is empty where it is the usual one of such a program.
export interface Origin {
  sender: string;
  ip: string;
  group: string;
}

export class Series {
  readonly fine = new Ring(1, FINE);
  readonly coarse = new Ring(10, COARSE);
  threshold: { warn: number; error: number } | null = null;
  readonly fold: Fold;
  readonly total: boolean;
  readonly sender: string;
  readonly ip: string;
  readonly group: string;
  readonly program: string; // sender and group: the same wherever it runs
  readonly source: string; // the program on its host

  constructor(readonly type: string, from: Origin, private readonly alive: (second: number, fine: boolean) => boolean) {
    const [metric] = type.split('.') as [string]; // Retried.503 is a part of Retried
    this.fold = folds[metric] ?? 'mean';
    this.total = totals.has(metric);
    ({ sender: this.sender, ip: this.ip, group: this.group } = from);
    this.program = programOf(from);
    this.source = sourceOf(from);
  }

  // quiet is a total of the same source that was never sent: 0 while it says anything.
  quiet(type: string): Series {
    return new Series(type, this, this.alive);
  }

  // value of one second.
  at(second: number): number | null {
    const value = this.fine.at(second);
    if (value !== null) return value;
    return this.total && this.alive(second, true) ? 0 : null;
  }

  coarseAt(second: number): number | null {
    const value = this.coarse.at(second);
    if (value !== null) return value;
    return this.total && this.alive(second, false) ? 0 : null;
  }

  // seen is the newest second with a value, null if none.
  seen(): number | null {
    return this.fine.newest() ?? this.coarse.newest();
  }

  // fold of the seconds from (inclusive) to (exclusive); null when none is known.
  over(from: number, to: number, how: Fold = this.fold, coarse = false): number | null {
    let n = 0, sum = 0, max = -Infinity, last = 0;
    const step = coarse ? 10 : 1;
    for (let s = from; s < to; s += step) {
      const value = coarse ? this.coarseAt(s) : this.at(s);
      if (value === null) continue;
      n++;
      sum += value;
      last = value;
      if (value > max) max = value;
    }
    if (n === 0) return null;
    return how === 'mean' ? sum / n : how === 'sum' ? sum * step : how === 'max' ? max : last;
  }

  // points of width seconds each, from and to being multiples of it.
  // Coarse reaches back six hours and needs a width of tens.
  points(from: number, to: number, width: number, how: Fold = this.fold, coarse = false): (number | null)[] {
    const list: (number | null)[] = [];
    for (let s = from; s < to; s += width) list.push(this.over(s, s + width, how, coarse));
    return list;
  }
}

// The original's subscriber counts its posts under a name of their own, and so does ours.
const senderOf = (name: string): string => (name === 'sumologic-publisher' ? 'http-output' : name);

export const programOf = (o: Origin): string => `${o.sender}\n${o.group}`;
export const sourceOf = (o: Origin): string => `${programOf(o)}\n${o.ip}`;

export class SeriesStore {
  private readonly all = new Map<string, Series>();
  private readonly types = new Map<string, Series[]>();
  private readonly sources = new Map<string, { fine: Ring; coarse: Ring }>(); // seconds in which one said anything
  private readonly heard = new Ring(1, FINE); // seconds in which anybody said anything
  began = 0; // unix ms; before it the server knows nothing
  refused = 0; // points of series beyond the limit, or from the future

  // Whoever may publish events chooses these names.
  private series(named: string, said: Origin): Series | null {
    const type = visible(named), from = { sender: senderOf(visible(said.sender)), ip: visible(said.ip), group: visible(said.group) };
    const source = sourceOf(from), key = `${type}\n${source}`;
    const known = this.all.get(key);
    if (known) return known;
    if (this.all.size >= MOST) return null;
    const signs = this.signs(source);
    const made = new Series(type, from, (s, fine) => (fine ? signs.fine : signs.coarse).at(s) !== null);
    this.all.set(key, made);
    this.types.set(type, [...(this.types.get(type) ?? []), made]);
    return made;
  }

  private signs(source: string): { fine: Ring; coarse: Ring } {
    let signs = this.sources.get(source);
    if (!signs) this.sources.set(source, (signs = { fine: new Ring(1, FINE), coarse: new Ring(10, COARSE) }));
    return signs;
  }

  // put takes one point of the stream. A second may come again, then it counts anew.
  put([second, sender, ip, type, value, warn, error, group = '']: Point, now: number): void {
    const series = second <= now + 5 && Number.isFinite(value) ? this.series(type, { sender, ip, group }) : null;
    if (!series) {
      this.refused++;
      return;
    }
    series.fine.put(second, value);
    const signs = this.signs(series.source);
    signs.fine.put(second, 1);
    signs.coarse.put(second, 1);
    this.heard.put(second, 1);
    series.threshold = warn !== null && error !== null ? { warn, error } : null;
    const ten = second - (second % 10);
    const mean = series.over(ten, ten + 10);
    if (mean !== null) series.coarse.put(ten, mean);
  }

  // load takes history; what the stream already said stands.
  load(answer: SeriesAnswer): void {
    this.began = answer.began;
    const from = Math.floor(answer.from / 1000);
    const fine = answer.step_s === 1;
    for (const s of answer.series ?? []) {
      const series = this.series(s.type, { sender: s.sender, ip: s.ip, group: s.group ?? '' });
      if (!series) continue;
      const signs = this.signs(series.source);
      series.threshold ??= s.threshold && { warn: s.threshold.Warn, error: s.threshold.Error };
      const per = !fine && s.agg === 'Total' ? answer.step_s : 1; // ten seconds come as their sum
      s.values.forEach((number, i) => {
        if (number === null) return;
        const value = number / per;
        const second = from + i * answer.step_s;
        if (fine) {
          if (series.fine.at(second) === null) series.fine.put(second, value);
          signs.fine.put(second, 1);
          this.heard.put(second, 1);
        }
        signs.coarse.put(second, 1);
        if (!fine) {
          if (series.coarse.at(second) === null) series.coarse.put(second, value);
        } else if (second % 10 === 9) {
          const mean = series.over(second - 9, second + 1);
          if (mean !== null) series.coarse.put(second - 9, mean);
        }
      });
    }
  }

  of(type: string): readonly Series[] {
    return this.types.get(type) ?? [];
  }

  // parts of a metric by their causes: Retried.503 is the cause 503 of Retried.
  parts(metric: string): { cause: string; series: Series }[] {
    return [...this.types].flatMap(([type, list]) => (type.startsWith(`${metric}.`) ? list.map((series) => ({ cause: type.slice(metric.length + 1), series })) : []));
  }

  list(): Series[] {
    return [...this.all.values()];
  }

  get size(): number {
    return this.all.size;
  }

  // anything tells whether anybody reported in a second.
  anything(second: number): boolean {
    return this.heard.at(second) !== null;
  }

  newest(): number | null {
    return this.heard.newest();
  }
}

// Metrics are the series that somebody looks at: all of a store, or only some.
export type Metrics = Pick<SeriesStore, 'of' | 'parts'>;

export const only = (all: Metrics, mine: (s: Series) => boolean): Metrics => ({
  of: (type) => all.of(type).filter(mine),
  parts: (metric) => all.parts(metric).filter((p) => mine(p.series)),
});

// alarm of a value, by the threshold that came with it.
export const alarm = (value: number | null, threshold: { warn: number; error: number } | null): 'warn' | 'err' | '' =>
  value === null || !threshold ? '' : value >= threshold.error ? 'err' : value >= threshold.warn ? 'warn' : '';

export type Interval = [from: number, to: number];

// holes are the parts of intervals (unix seconds, to exclusive) in which nothing
// at all is known. While intervals are when we could not listen, what came later
// has filled the rest.
export function holes(intervals: readonly Interval[], known: (second: number) => boolean, from: number, to: number): Interval[] {
  const list: Interval[] = [];
  for (const [a, b] of intervals) {
    let start: number | null = null;
    for (let s = Math.max(Math.floor(a), from); s < Math.min(Math.ceil(b), to); s++) {
      if (!known(s)) start ??= s;
      else if (start !== null) {
        list.push([start, s]);
        start = null;
      }
    }
    if (start !== null) list.push([start, Math.min(Math.ceil(b), to)]);
  }
  return list;
}
