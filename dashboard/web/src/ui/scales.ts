// ticks from 0 to a round number over max, three steps of a friendly size.
export function ticks(max: number): { top: number; list: number[] } {
  if (!(max > 0)) return { top: 3, list: [0, 1, 2, 3] };
  const raw = max / 3, power = 10 ** Math.floor(Math.log10(raw));
  const nice = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((n) => n * power >= raw * 0.9999)!;
  const step = nice * power;
  return { top: step * 3, list: [0, 1, 2, 3].map((i) => Number((i * step).toPrecision(12))) };
}
