import { speaks } from './flow';
import { count } from './format';
import type { Metrics, Series } from './series';

// Why records are refused, posts are repeated and outputs send nothing, as far as
// the programs tell: as parts of a metric, such as Retried.503. Pure.

export interface Cause {
  cause: string; // as the metric has it
  n: number;
}

// causes of a metric over seconds from (inclusive) to (exclusive), the most
// frequent first.
export function causes(store: Metrics, metric: string, of: (s: Series) => boolean, from: number, to: number): Cause[] {
  const found = new Map<string, number>();
  for (const { cause, series } of store.parts(metric)) {
    const n = of(series) ? series.over(from, to, 'sum') ?? 0 : 0;
    if (n > 0) found.set(cause, (found.get(cause) ?? 0) + n);
  }
  return [...found].map(([cause, n]) => ({ cause, n })).sort((a, b) => b.n - a.n);
}

const refused: Record<string, string> = {
  undecodable: 'not a Heka message', hostname: 'without a hostname', empty: 'with neither payload nor fields', oversized: 'too large', truncated: 'cut off',
  signature: 'with a wrong signature', unsigned: 'not signed', neighbour: 'beside a bad one in the same request', unavailable: 'not stored in time',
};
const paused: Record<string, string> = { sink: 'the far end does not take anything', refused: 'the far end refuses most of it', dead_letters: 'there is no room for dead letters' };

export const refusalWords = (cause: string): string => refused[cause] ?? cause;
export const pauseWords = (cause: string): string => paused[cause] ?? cause;
// What the far end said to a post that is repeated, as a name and as a verb.
export const causeName = (cause: string): string => (cause === 'none' ? 'no valid answer' : cause);
export const answerWords = (cause: string): string => (cause === 'none' ? 'gives no valid answer' : `answers ${cause}`);

// listed: 12 without a hostname, 3 too large
export const listed = (list: readonly Cause[], words: (cause: string) => string): string => list.map((c) => `${count(c.n)} ${words(c.cause)}`).join(', ');

const HALTED = 10; // seconds without a delivery that are worth a word
const RECENT = 300; // seconds to look back: back-off makes repeated posts rare
const SPLIT = new Set(['400', '413', '422']);

// isSplit: these posts are halved until the bad record is found, and go on.
export const isSplit = (cause: string): boolean => SPLIT.has(cause);

// Trouble is why an output delivers nothing: it is paused, or its posts come back.
export interface Trouble {
  kind: 'paused' | 'repeating';
  cause: string;
  text: string; // the rest of a sentence that begins with the output's name
  end: string; // the rest of one that begins with the far end
}

// halts are the stretches from (inclusive) to (exclusive) in which posts of a program
// came back and none was delivered, for HALTED seconds or more.
export function halts(store: Metrics, program: string, from: number, to: number): { from: number; to: number; cause: string }[] {
  const mine = (s: Series) => s.program === program;
  const delivered = store.of('Delivered').filter(mine), repeated = store.parts('Retried').filter((p) => mine(p.series) && !isSplit(p.cause));
  const list: { from: number; to: number; cause: string }[] = [];
  let open: { from: number; cause: string } | null = null;
  const close = (at: number) => {
    if (open && at - open.from >= HALTED) list.push({ ...open, to: at });
    open = null;
  };
  for (let s = from; s < to && repeated.length > 0; s++) {
    if (delivered.some((d) => (d.at(s) ?? 0) > 0)) close(s);
    else if (!open) {
      const cause = repeated.find((p) => (p.series.at(s) ?? 0) > 0)?.cause;
      if (cause !== undefined) open = { from: s, cause };
    }
  }
  close(to);
  return list;
}

export function trouble(store: Metrics, programs: ReadonlySet<string>, now: number): Trouble | null {
  const mine = (s: Series) => programs.has(s.program);
  const end = Math.floor(now) - 1;
  for (const { cause, series } of store.parts('Paused')) {
    if (mine(series) && (series.over(end - 5, end, 'last') ?? 0) > 0) return { kind: 'paused', cause, text: `sends nothing: ${pauseWords(cause)}`, end: pauseWords(cause) };
  }
  const last = (list: readonly Series[]): number => {
    for (let s = end; s > end - RECENT; s--) if (list.some((x) => (x.at(s) ?? 0) > 0)) return s;
    return end - RECENT;
  };
  const delivered = last(store.of('Delivered').filter(mine));
  if (end - delivered < HALTED || !speaks(store, programs, now)) return null;
  const repeated = store.parts('Retried').filter((p) => mine(p.series) && !isSplit(p.cause)).map((p) => p.series);
  const newest = last(repeated);
  if (newest <= delivered) return null; // it is idle
  const [worst] = causes(store, 'Retried', (s) => repeated.includes(s), delivered + 1, end + 1);
  return worst ? { kind: 'repeating', cause: worst.cause, text: `delivers nothing: the far end ${answerWords(worst.cause)}`, end: answerWords(worst.cause) } : null;
}
