import type { Balance, Books } from '../../core/types';

// Accounting since a moment: the ledger counts from each group's beginning, so a
// baseline is a copy of its sums, kept by the browser, and what is shown is the
// difference. Pure.

const SUMS = ['stored', 'delivered', 'filtered', 'dead', 'pending', 'expired', 'difference'] as const;
type Sum = (typeof SUMS)[number];

export type Baseline = Record<string, number>; // 'at', and 'STREAM/GROUP SUM'

// take copies the sums of all groups at a moment, unix ms. Groups without figures
// are left out: they then count from their beginning.
export function take(books: Books, at: number): Baseline {
  const kept: Baseline = { at };
  for (const s of books.streams ?? []) {
    for (const g of s.groups ?? []) {
      if (g.state === 'unknown') continue;
      const key = `${s.stream}/${g.group}`;
      kept[`${key} epoch`] = g.epoch;
      for (const sum of SUMS) kept[`${key} ${sum}`] = g[sum];
    }
  }
  return kept;
}

// Account is a group's balance since the baseline:
//
//	carried + stored = delivered + filtered + dead + pending + expired + difference
//
// Carried is what was pending then. Without a baseline, and for a group that is
// newer than it, carried is 0 and the sums are those since the group began.
export interface Account extends Record<Sum, number> {
  key: string;
  stream: string;
  balance: Balance;
  known: boolean;
  carried: number;
  since: number; // unix ms
  whole: boolean; // since the group began
}

export function accounts(books: Books | null, base: Baseline): Account[] {
  return (books?.streams ?? []).flatMap((s) => (s.groups ?? []).map((g): Account => {
    const key = `${s.stream}/${g.group}`;
    const known = g.state !== 'unknown';
    const whole = base['at'] === undefined || base[`${key} epoch`] !== g.epoch;
    const then = (sum: Sum) => (whole ? 0 : base[`${key} ${sum}`] ?? 0);
    return {
      key, stream: s.stream, balance: g, known, whole,
      since: whole ? g.epoch / 1e6 : base['at']!,
      carried: then('pending'),
      stored: g.stored - then('stored'), delivered: g.delivered - then('delivered'), filtered: g.filtered - then('filtered'), dead: g.dead - then('dead'),
      expired: g.expired - then('expired'), difference: g.difference - then('difference'),
      pending: g.pending,
    };
  }));
}
