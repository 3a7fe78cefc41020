import type { Account } from './baseline';

// A table for a spreadsheet, RFC 4180. A text that a spreadsheet would take for
// a formula gets an apostrophe in front; numbers are written as they are.

export type Cell = string | number | null;

export function csv(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => row.map(cell).join(',') + '\r\n').join('');
}

function cell(value: Cell): string {
  if (value === null) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  const text = /^[\s\p{Cc}\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]|^[\t\r\n]/u.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function accountsCSV(list: readonly Account[], at: string): string {
  const known = (a: Account, n: number): Cell => (a.known ? n : null);
  const iso = (ms: number) => (ms > 0 ? new Date(ms).toISOString() : '');
  return csv([
    ['stream', 'group', 'state', 'since', 'until', 'pending_before', 'received', 'delivered', 'filtered', 'dead_lettered', 'pending', 'expired', 'difference'],
    ...list.map((a) => [
      a.stream, a.balance.group, a.balance.closed ? 'ended' : a.balance.state, iso(a.since), at,
      known(a, a.carried), known(a, a.stored), known(a, a.delivered), known(a, a.filtered), known(a, a.dead), known(a, a.pending), known(a, a.expired), known(a, a.difference),
    ]),
  ]);
}
