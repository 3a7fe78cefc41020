import { causes, type Cause } from '../../core/causes';
import { outputs, receivers, type Flow } from '../../core/flow';
import { run, type Process, type Run } from '../../core/programs';
import type { Series, SeriesStore } from '../../core/series';
import type { Track } from '../../core/track';
import type { Consumers, Totals } from '../../core/types';

// Receivers and stages in figures. Pure. What a program does not report is null.

const HOUR = 3600;

const add = (values: readonly (number | null)[]): number | null => values.reduce<number | null>((sum, v) => (v === null ? sum : (sum ?? 0) + v), null);

export interface Receiver {
  key: string;
  sender: string;
  ip: string;
  rate: number | null; // records/s, 5 s
  minute: number | null; // records/s, 60 s
  total: number | null; // records within the known part of the last hour
  bytes: number | null; // per second
  stored: number | null; // records, as total
  filtered: number | null;
  rejected: number | null;
  reasons: Cause[]; // of the rejected
  storing: number | null; // records read and not acknowledged by the stream
  connections: number | null;
  seen: number | null; // unix seconds
  source: string;
  run: Run;
  difference: number | null; // records, since its processes have started; must be 0
}

const of = (store: SeriesStore, type: string, like: Series): Series | undefined => store.of(type).find((s) => s.program === like.program && (s.ip === like.ip || !s.ip));

// lacks is what the sum lacks of what was received.
export const lacks = (t: Totals): number => t.received - t.stored - t.filtered - t.rejected - t.in_flight;

export function receiverRows(store: SeriesStore, now: number, programs: readonly Process[] = []): Receiver[] {
  const end = Math.floor(now) - 1;
  return receivers(store).map((s): Receiver => {
    const mine = run(programs, (p) => p.source === s.source), counts = mine.processes.some((p) => p.totals);
    // Who tells totals, or a metric that came with others, reports these, too: none of them is 0.
    const sum = (type: string, ...since: string[]) => of(store, type, s)?.over(end - HOUR + 2, end, 'sum') ?? (counts || since.some((other) => of(store, other, s)) ? 0 : null);
    return {
      key: `${s.program} ${s.ip}`, sender: s.sender, ip: s.ip,
      rate: s.over(end - 5, end), minute: s.over(end - 60, end), total: s.over(end - HOUR + 2, end, 'sum'),
      bytes: of(store, 'ThroughputBytes', s)?.over(end - 5, end) ?? (counts ? 0 : null),
      stored: sum('Stored', 'Storing'), filtered: sum('Filtered', 'Stored'), rejected: sum('Rejected', 'ThroughputBytes', 'Connections'),
      reasons: causes(store, 'Rejected', (x) => x.program === s.program && (x.ip === s.ip || !x.ip), end - HOUR + 2, end),
      storing: of(store, 'Storing', s)?.over(end - 5, end, 'last') ?? (counts || of(store, 'Stored', s) ? 0 : null),
      connections: of(store, 'Connections', s)?.over(end - 5, end, 'last') ?? (counts ? 0 : null),
      seen: Math.max(0, ...store.list().filter((x) => x.program === s.program && (x.ip === s.ip || !x.ip)).map((x) => x.seen() ?? 0)) || null,
      source: s.source, run: mine, difference: add(mine.processes.map((p) => p.totals ? Math.abs(lacks(p.totals)) : null)),
    };
  });
}

export interface Stage {
  key: string;
  name: string;
  what: string; // records or blocks
  total: number | null;
  basis: string; // since when total and errors count
  rate: number | null; // per second, mean of a minute
  errors: number | null;
  failed: string; // what an error is here
  p99: number | null; // ms
  run: Run;
}

// A minute's rate of stored blocks, from the stream's last sequences.
export type BlockRate = (stream: string) => number | null;

export function stageRows(store: SeriesStore, track: Track, list: readonly Receiver[], flows: readonly Flow[], consumers: Consumers | null, blocks: BlockRate, now: number, programs: readonly Process[], nats: string | undefined): Stage[] {
  const end = Math.floor(now) - 1;
  const rows: Stage[] = [];
  if (list.length > 0) {
    rows.push({
      key: 'receive', name: 'Receive', what: 'records', total: add(list.map((r) => r.total)), basis: 'last hour', rate: add(list.map((r) => r.minute)),
      errors: add(list.map((r) => r.rejected)), failed: 'rejected', p99: null, run: run(programs, (p) => list.some((r) => r.source === p.source)),
    });
  }
  for (const s of consumers?.streams ?? []) {
    rows.push({ key: `store ${s.name}`, name: `Store ${s.name}`, what: 'blocks', total: s.last, basis: 'since it was made', rate: blocks(s.name), errors: null, failed: 'not reported', p99: null, run: { since: null, versions: nats ? [`NATS ${nats}`] : [], processes: [] } });
  }
  const out = outputs(store);
  for (const f of flows) {
    const b = f.balance;
    if (b?.closed && !f.group) continue;
    const known = b !== null && b.state !== 'unknown';
    const p99 = store.of('DeliveryLatencyP99').filter((s) => f.programs.has(s.program)).map((s) => s.over(end - 60, end, 'max')).filter((v) => v !== null);
    rows.push({
      key: `deliver ${f.key}`, name: `Deliver ${f.name}`, what: 'records', total: known ? b.delivered : null, basis: 'since it began',
      rate: add(out.filter((s) => f.programs.has(s.program)).map((s) => s.over(end - 60, end))) ?? track.slope(f.key, end)?.settled ?? null,
      errors: known ? b.dead : null, failed: 'dead-lettered', p99: p99.length ? Math.max(...p99) : null,
      run: run(programs, (p) => f.programs.has(p.program)),
    });
  }
  return rows;
}
