import type { Flow } from './flow';
import { duration } from './format';
import type { Series, SeriesStore } from './series';
import type { Track } from './track';
import type { Tone } from './types';

// One row of the consumers' table: a group, or below it one of its members. Pure.
export interface GroupRow {
  key: string;
  name: string;
  member: boolean;
  members: string;
  open: boolean;
  rate: number | null;
  lag: number | null;
  warn: number | null; // lag threshold
  error: number | null;
  pending: number | null; // records
  unacked: number | null; // blocks
  limit: number | null;
  redelivered: number | null; // blocks
  drains: string;
  state: { tone: Tone; text: string };
}

const most = (list: readonly Series[], now: number): number | null =>
  list.reduce<number | null>((max, s) => {
    const v = s.over(now - 6, now - 1, 'max');
    return v === null ? max : Math.max(max ?? 0, v);
  }, null);

const sum = (list: readonly Series[], now: number): number | null =>
  list.reduce<number | null>((n, s) => {
    const v = s.over(now - 6, now - 1);
    return v === null ? n : (n ?? 0) + v;
  }, null);

// drains in pending divided by how much more is settled than comes.
export function drains(pending: number | null, slope: { pending: number; settled: number } | null): string {
  if (pending === null) return '–';
  if (pending === 0) return '0 s';
  if (slope === null) return '–';
  if (slope.settled > 0 && pending < slope.settled * 5) return duration(pending / slope.settled); // what is always on its way
  return slope.pending < 0 ? duration(pending / -slope.pending) : 'growing';
}

export function groupRows(flows: readonly Flow[], store: SeriesStore, track: Track, out: readonly Series[], open: ReadonlySet<string>, seconds: number): GroupRow[] {
  const now = Math.floor(seconds);
  const rows: GroupRow[][] = flows.filter((f) => !f.balance?.closed || f.group).map((f) => {
    const mine = out.filter((s) => f.senders.includes(s.sender));
    const lags = store.of('Lag').filter((s) => f.senders.includes(s.sender));
    const slope = track.slope(f.key, now);
    const g = f.group, t = lags.find((s) => s.threshold)?.threshold ?? null;
    const lag = most(lags, now);
    const pending = f.balance && f.balance.state !== 'unknown' ? f.balance.pending : null;
    const members = [...new Map(mine.map((s) => [`${s.sender} ${s.ip}`, s])).values()];
    const row: GroupRow = {
      key: f.key, name: f.name, member: false, members: members.length ? `${members.length} ${members.length === 1 ? 'member' : 'members'}` : '–', open: open.has(f.key),
      rate: sum(mine, now) ?? (slope ? slope.settled : null), lag, warn: t?.warn ?? null, error: t?.error ?? null, pending,
      unacked: g?.unacked ?? null, limit: g?.limit ?? null, redelivered: g?.redelivered ?? null,
      drains: drains(pending, slope), state: state(f, lag, t?.warn ?? null, pending),
    };
    const below = row.open ? members.map((s): GroupRow => {
      const own = store.of('Lag').filter((l) => l.sender === s.sender && (l.ip === s.ip || !l.ip));
      const late = most(own, now);
      const silent = s.over(now - 12, now - 1) === null;
      return {
        key: `${f.key} ${s.sender} ${s.ip}`, name: s.sender, member: true, members: s.ip || '–', open: false, rate: sum([s], now), lag: late, warn: row.warn, error: row.error,
        pending: null, unacked: null, limit: null, redelivered: null, drains: '',
        state: silent ? { tone: 'err', text: 'Silent' } : late !== null && row.warn !== null && late >= row.warn ? { tone: 'warn', text: 'Behind' } : { tone: 'ok', text: 'Running' },
      };
    }) : [];
    return [row, ...below];
  });
  rows.sort((a, b) => (b[0]!.lag ?? -1) - (a[0]!.lag ?? -1) || a[0]!.name.localeCompare(b[0]!.name));
  return rows.flat();
}

function state({ group: g, balance }: Flow, lag: number | null, warn: number | null, pending: number | null): GroupRow['state'] {
  if (balance?.closed && !g) return { tone: 'plain', text: 'Ended' };
  if (!g) return { tone: 'plain', text: '–' };
  if (g.paused) return { tone: 'warn', text: 'Paused' };
  if (g.limit > 0 && g.unacked >= g.limit) return { tone: 'warn', text: 'At ack limit' };
  if (g.waiting === 0 && g.unacked === 0 && g.pending > 0) return { tone: 'err', text: 'No reader' };
  if (lag !== null && warn !== null && lag >= warn) return { tone: 'warn', text: 'Behind' };
  if (pending === 0 && g.waiting === 0 && g.unacked === 0) return { tone: 'plain', text: 'Idle' };
  return { tone: 'ok', text: 'Running' };
}
