import { trouble, type Trouble } from './causes';
import { unread, type Flow } from './flow';
import { duration, plural } from './format';
import type { Process } from './programs';
import { alarm, type Series, type SeriesStore } from './series';
import type { Track } from './track';
import { minute, parse } from './time';
import type { Group, Tone } from './types';

// One row of the consumers' table: a group, or below it one of its members. Pure.
export interface GroupRow {
  key: string;
  name: string;
  member: boolean;
  source?: string; // of a member, as Series has it
  members: string;
  open: boolean;
  rate: number | null;
  lag: number | null;
  threshold: Series['threshold']; // of the lag
  pending: number | null; // records
  unacked: number | null; // blocks
  limit: number | null;
  redelivered: number | null; // blocks
  drains: string;
  state: { tone: Tone; text: string; hint: string };
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

export function groupRows(flows: readonly Flow[], store: SeriesStore, track: Track, out: readonly Series[], open: ReadonlySet<string>, seconds: number, processes: readonly Process[] = []): GroupRow[] {
  const now = Math.floor(seconds);
  const rows: GroupRow[][] = flows.filter((f) => !f.balance?.closed || f.group).map((f) => {
    const mine = out.filter((s) => f.programs.has(s.program));
    const lags = store.of('Lag').filter((s) => f.programs.has(s.program));
    const slope = track.slope(f.key, now);
    const g = f.group, t = lags.find((s) => s.threshold)?.threshold ?? null;
    const lag = most(lags, now);
    const pending = f.balance && f.balance.state !== 'unknown' ? f.balance.pending : null;
    // Two processes on one host report as one.
    const many = Math.max(mine.length, processes.filter((p) => p.state === 'running' && f.programs.has(p.program)).length);
    const silent = (s: Series) => s.over(now - 12, now - 1) === null, gone = mine.filter(silent).length;
    const row: GroupRow = {
      key: f.key, name: f.name, member: false, members: many ? (gone ? `${many - gone} of ` : '') + plural(many, 'member') : '–', open: open.has(f.key),
      rate: sum(mine, now) ?? (slope ? slope.settled : null), lag, threshold: t, pending,
      unacked: g?.unacked ?? null, limit: g?.limit ?? null, redelivered: g?.redelivered ?? null,
      drains: drains(pending, slope), state: state(f, alarm(lag, t) !== '', pending, trouble(store, f.programs, now), unread(f, store, now), seconds),
    };
    const below = row.open ? mine.map((s): GroupRow => {
      const own = store.of('Lag').filter((l) => l.source === s.source);
      const late = most(own, now);
      return {
        key: `${f.key} ${s.source}`, name: s.sender, member: true, source: s.source, members: s.ip || '–', open: false, rate: sum([s], now), lag: late, threshold: t,
        pending: null, unacked: null, limit: null, redelivered: null, drains: '',
        state: silent(s) ? said('err', 'Silent') : alarm(late, t) ? said('warn', 'Behind') : said('ok', 'Running'),
      };
    }) : [];
    return [row, ...below];
  });
  rows.sort((a, b) => (b[0]!.lag ?? -1) - (a[0]!.lag ?? -1) || a[0]!.name.localeCompare(b[0]!.name));
  return rows.flat();
}

// What the words of the state mean, on hover.
const meanings = {
  Running: 'Nothing that is known of it is wrong',
  Idle: 'Everything is settled and nobody waits for more',
  Behind: 'A member reports more lag than its warning threshold',
  'At ack limit': 'As many blocks as allowed are delivered and not settled: it gets no more until some are',
  'No reader': 'Nobody fetches, and blocks wait',
  Paused: 'Somebody has paused it: JetStream delivers nothing until then',
  Ended: 'Its consumer is gone; the ledger keeps its last figures',
  Silent: 'It has not reported for 10 s',
  '–': 'JetStream does not tell',
};
const said = (tone: Tone, text: keyof typeof meanings): GroupRow['state'] => ({ tone, text, hint: meanings[text] });

// pausedText of a group that JetStream has paused: Paused until 14:20 (in 12 min).
export function pausedText(g: Group, seconds: number): string {
  const at = parse(g.paused_until);
  return at === null ? 'Paused' : `Paused until ${minute(at, seconds * 1000)} (in ${duration(at / 1000 - seconds)})`;
}

function state({ group: g, balance, name }: Flow, late: boolean, pending: number | null, why: Trouble | null, nobody: boolean, seconds: number): GroupRow['state'] {
  if (balance?.closed && !g) return said('plain', 'Ended');
  if (!g) return said('plain', '–');
  if (g.paused) return { ...said('warn', 'Paused'), text: pausedText(g, seconds) };
  if (nobody) return said('err', 'No reader');
  if (why) return { tone: why.kind === 'paused' ? 'err' : 'warn', text: why.kind === 'paused' ? 'Sink paused' : why.cause === 'none' ? 'No answer' : `Answers ${why.cause}`, hint: `${name} ${why.text}` };
  if (g.limit > 0 && g.unacked >= g.limit) return said('warn', 'At ack limit');
  if (late) return said('warn', 'Behind');
  if (pending === 0 && g.waiting === 0 && g.unacked === 0) return said('plain', 'Idle');
  return said('ok', 'Running');
}
