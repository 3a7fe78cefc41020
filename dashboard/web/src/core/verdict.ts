import { count } from './format';
import type { Books, Tone } from './types';

// Verdict on all groups, in a word, for wherever accounts are shown.
export interface Verdict {
  tone: Tone;
  text: string;
  hint: string;
}

// verdict of the newest books. Balanced means that every record has its one
// outcome or is still on its way, and is only said of fresh figures. A difference
// counts when a second snapshot has it, too: differs tells how many in a row a
// group, STREAM/GROUP, has had one.
export function verdict(books: Books | null, fresh: boolean, differs: (key: string) => number): Verdict {
  if (!books) return { tone: 'plain', text: '–', hint: 'No figures have come yet' };
  if (!fresh) return { tone: 'plain', text: 'Paused', hint: 'There are no fresh figures' };
  const streams = books.streams ?? [];
  const groups = streams.flatMap((s) => (s.groups ?? []).map((g) => ({ ...g, key: `${s.stream}/${g.group}` })));
  const sum = (list: readonly { n: number }[]) => list.reduce((all, { n }) => all + n, 0);
  const off = groups.filter((g) => g.state === 'difference').map((g) => ({ n: Math.abs(g.difference), stood: differs(g.key) >= 2 }));
  const stood = sum(off.filter((d) => d.stood)), lost = sum(groups.map((g) => ({ n: g.state === 'unknown' ? 0 : g.expired })));
  if (stood > 0) return { tone: 'err', text: `Difference ${count(stood)}`, hint: 'Records without an outcome, or with two' };
  if (lost > 0) return { tone: 'err', text: `Lost ${count(lost)}`, hint: 'Removed by the stream before they were settled' };
  const unknown = groups.find((g) => g.state === 'unknown');
  const error = books.error ?? streams.find((s) => s.error)?.error ?? (unknown && `${unknown.group}: ${unknown.error ?? 'no figures'}`);
  if (error) return { tone: 'warn', text: 'Unknown', hint: error };
  if (off.length > 0) return { tone: 'plain', text: 'Settling', hint: `A difference of ${count(sum(off))} in one snapshot: it counts if the next one has it, too` };
  if (groups.length === 0) return { tone: 'plain', text: 'No groups', hint: 'Nobody reads the stream yet' };
  return { tone: 'ok', text: 'Balanced', hint: 'Every stored record is delivered, filtered, dead-lettered or pending' };
}
