import type { Interval } from './series';

export const windows = [['1m', 60], ['5m', 300], ['15m', 900], ['1h', 3600], ['6h', 21600]] as const;
export type WindowName = (typeof windows)[number][0];

export interface Range {
  from: number; // unix seconds, multiples of width
  to: number; // exclusive
  end: number; // up to which all have reported; the last point may reach beyond it
  newest: number; // up to which anybody has, exclusive as well
  width: number; // seconds of a point
  coarse: boolean; // beyond the last hour there are only ten-second values
}

const widths = [1, 2, 5, 10, 20, 30, 60, 120];

// range of points to draw. The newest second is left out, and what is over of the one
// that goes on: not everybody has reported them yet. The points stand on multiples of their width, so a line does
// not change its shape as it moves; the last one is of the seconds known so far.
export function range(seconds: number, zoom: Interval | null, now: number): Range {
  const whole = Math.floor(now) - 1;
  const [a, b] = zoom ?? [whole - seconds, whole];
  const span = Math.max(10, b - a);
  const coarse = a < now - 3600 + 5 && !(zoom === null && seconds <= 3600);
  const width = widths.find((w) => span / w <= 181 && (!coarse || w >= 10)) ?? 120;
  const to = Math.ceil(b / width) * width;
  return { from: to - Math.max(2, Math.ceil(span / width)) * width, to, end: b, newest: zoom ? b : whole + 2, width, coarse };
}

// zoom in the URL: from-to in unix seconds.
export function parseZoom(text: string): Interval | null {
  const m = /^(\d{9,11})-(\d{9,11})$/.exec(text);
  const from = Number(m?.[1]), to = Number(m?.[2]);
  return m && to - from >= 10 ? [from, to] : null;
}

// xStep is the seconds between two times below a chart: about one per 90 px.
export function xStep(span: number, width: number): number {
  const wanted = span / Math.max(1, Math.min(8, Math.floor(width / 88)));
  return [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400].find((s) => s >= wanted * 0.95) ?? 86400 * Math.ceil(wanted / 86400);
}
