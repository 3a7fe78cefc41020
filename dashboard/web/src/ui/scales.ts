// ticks from 0 to a round number over max, three steps of a friendly size.
export function ticks(max: number): { top: number; list: number[] } {
  if (!(max > 0)) return { top: 3, list: [0, 1, 2, 3] };
  const raw = max / 3, power = 10 ** Math.floor(Math.log10(raw));
  const nice = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((n) => n * power >= raw * 0.9999)!;
  const step = nice * power;
  return { top: step * 3, list: [0, 1, 2, 3].map((i) => Number((i * step).toPrecision(12))) };
}

// xStep is the seconds between two times below a chart: about one per 90 px.
export function xStep(span: number, width: number): number {
  const wanted = span / Math.max(1, Math.min(8, Math.floor(width / 88)));
  return [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400].find((s) => s >= wanted * 0.95) ?? 86400 * Math.ceil(wanted / 86400);
}
