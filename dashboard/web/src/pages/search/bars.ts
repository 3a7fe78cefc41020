import { xStep } from '../../core/range';

// The histogram as numbers: what /api/v2/histogram says, and where its bars are.

export interface HistogramAnswer {
  from: number;
  to: number;
  step_ms: number;
  buckets: number[][]; // by severity 0 to 7
  counted: number;
  total_is: 'exact' | 'at_least';
  partial: boolean;
  took_ms: number;
}

// From below: what is worst stands on the ground.
export const groups = [
  { name: 'error', tone: 'errf', of: [0, 1, 2, 3] }, { name: 'warning', tone: 'warnf', of: [4] }, { name: 'info', tone: 'c1', of: [5, 6] }, { name: 'debug', tone: 'c6', of: [7] },
] as const;

export const sum = (bucket: readonly number[], of: readonly number[]): number => of.reduce((n, s) => n + (bucket[s] ?? 0), 0);
export const totals = (h: HistogramAnswer): number[] => groups.map((g) => h.buckets.reduce((n, b) => n + sum(b, g.of), 0));

// roof is a round number at or above the largest bar, with a whole half.
export function roof(max: number): number {
  if (!(max > 2)) return 2;
  const power = 10 ** Math.floor(Math.log10(max));
  return [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10].map((n) => Math.round(n * power)).find((n) => n >= max && n % 2 === 0) ?? 10 * power;
}

export interface Rect { x: number; y: number; width: number; height: number; tone: string }

export function rects(h: HistogramAnswer, width: number, height: number, top: number): Rect[] {
  const w = width / Math.max(1, h.buckets.length), gap = w > 4 ? 1 : 0;
  return h.buckets.flatMap((bucket, i) => {
    let y = height;
    return groups.flatMap((g) => {
      const n = sum(bucket, g.of);
      if (!n) return [];
      const size = Math.max(0.6, (n / top) * height);
      y -= size;
      return [{ x: i * w, y, width: Math.max(0.5, w - gap), height: size, tone: g.tone }];
    });
  });
}

// labels are the round times to write below, at most one per 88 px: where, in px, and
// when. zone is the shown zone's offset from UTC, in minutes.
export function labels(from: number, to: number, width: number, zone: number): { x: number; ms: number }[] {
  const step = xStep((to - from) / 1000, width) * 1000, shift = zone * 60_000;
  const list = [];
  for (let ms = Math.ceil((from + shift) / step) * step - shift; ms <= to; ms += step) list.push({ x: ((ms - from) / (to - from)) * width, ms });
  return list.filter(({ x }) => x <= width - 20); // else it would be cut
}
