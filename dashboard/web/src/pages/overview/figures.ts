import type { Dead } from '../../core/dead';
import { nameOf, outputOf, outputs, receivers } from '../../core/flow';
import { bytes, change, count, duration, plural, short } from '../../core/format';
import type { Range } from '../../core/range';
import { alarm, type Series, type SeriesStore } from '../../core/series';
import type { Track } from '../../core/track';
import type { Books } from '../../core/types';
import { age } from '../../core/time';
import { fold, recent, total } from '../../ui/lines';

// The six tiles, computed from what is known. Pure.

export interface Figure {
  label: string;
  value: string;
  unit: string;
  under: string;
  tone: 'warn' | 'err' | '';
  spark: (number | null)[];
  hint: string;
}

// byOutput puts the members of each output together.
function byOutput(list: readonly Series[]): Map<string, Series[]> {
  const groups = new Map<string, Series[]>();
  for (const s of list) groups.set(outputOf(s), [...(groups.get(outputOf(s)) ?? []), s]);
  return groups;
}

const join = (...parts: (string | null)[]): string => parts.filter(Boolean).join(' · ');

export interface Known {
  store: SeriesStore;
  track: Track;
  books: Books | null;
  dead: Dead | null;
  now: number; // unix seconds of the server
}

export function figures(k: Known, r: Range): Figure[] {
  const spark: Range = { ...r, width: r.width * 3, from: Math.floor(r.from / (r.width * 3)) * r.width * 3, to: Math.ceil(r.to / (r.width * 3)) * r.width * 3 };
  return [received(k, r, spark), delivered(k, r, spark), worstLag(k, r, spark), pending(k, spark), latency(k, r, spark), deadLetters(k, spark)];
}

function received({ store }: Known, r: Range, spark: Range): Figure {
  const list = receivers(store);
  const now = total(list, (s) => recent(s, r));
  const size = total(store.of('ThroughputBytes').filter((s) => list.some((x) => x.program === s.program)), (s) => recent(s, r));
  const before = total(list, (s) => s.over(Math.floor((r.end - 3630) / 10) * 10, Math.floor((r.end - 3570) / 10) * 10, undefined, true));
  const compared = change(now, before);
  return {
    label: 'Received', value: short(now), unit: 'msg/s', tone: '',
    under: join(size === null ? plural(list.length, 'receiver') : `${bytes(size)}/s`, compared && `${compared} vs 1 h ago`),
    spark: fold(list, spark, 'sum'), hint: 'Records all receivers took in, mean of the last 5 seconds',
  };
}

function delivered({ store }: Known, r: Range, spark: Range): Figure {
  const groups = [...byOutput(outputs(store))].map(([name, list]) => ({ name, list, now: total(list, (s) => recent(s, r)) })).filter((g) => g.now !== null);
  const slowest = groups.sort((a, b) => a.now! - b.now!)[0];
  return {
    label: 'Delivered', value: short(slowest?.now), unit: 'msg/s', tone: '',
    under: slowest ? (groups.length > 1 ? `slowest of ${groups.length}: ${slowest.name}` : slowest.name) : 'no output reports',
    spark: slowest ? fold(slowest.list, spark, 'sum') : [], hint: 'Records per second of the output that delivers least',
  };
}

function worstLag({ store }: Known, r: Range, spark: Range): Figure {
  const list = store.of('Lag');
  let worst: Series | null = null, most: number | null = null;
  for (const s of list) {
    const v = recent(s, r);
    if (v !== null && (most === null || v > most)) [worst, most] = [s, v];
  }
  const [value, unit] = most === null ? ['–', 's'] : most < 1 ? [most === 0 ? '0' : most.toFixed(2), 's'] : most >= 120 ? duration(most).split(' ') as [string, string] : [short(most), 's'];
  return {
    label: 'Worst lag', value, unit, tone: alarm(most, worst?.threshold ?? null),
    under: worst ? join(nameOf(worst, list), worst.threshold ? `warn ${duration(worst.threshold.warn)}` : null) : 'no output reports',
    spark: fold(list, spark, 'max'), hint: 'How old the oldest record is that an output has in hand or has just delivered',
  };
}

function pending({ books, track }: Known, spark: Range): Figure {
  let n: number | null = null, groups = 0, used = 0, limit = 0;
  for (const s of books?.streams ?? []) {
    used += s.bytes;
    limit += Math.max(0, s.max_bytes);
    for (const g of s.groups ?? []) {
      if (g.state === 'unknown' || g.closed) continue;
      groups++;
      n = (n ?? 0) + g.pending;
    }
  }
  const values: (number | null)[] = [];
  const width = Math.max(5, spark.width);
  for (let s = spark.from; s < spark.to; s += width) {
    let last: number | null = null;
    for (let i = s; i < s + width; i += 5) last = track.pending.at(i) ?? last;
    values.push(last);
  }
  return {
    label: 'Pending', value: count(n), unit: 'msg', tone: '',
    under: books ? join(plural(groups, 'group'), limit > 0 ? `${bytes(used)} of ${bytes(limit)}` : bytes(used)) : 'the ledger has not answered',
    spark: values, hint: 'Stored records that groups have not settled yet, added up over the groups',
  };
}

function latency({ store }: Known, r: Range, spark: Range): Figure {
  const of = (type: string, output?: string) => store.of(type).filter((s) => output === undefined || outputOf(s) === output).map((s) => [outputOf(s), recent(s, r)] as const).filter((p): p is readonly [string, number] => p[1] !== null).sort((a, b) => b[1] - a[1])[0];
  const worst = of('DeliveryLatencyP99');
  const part = (type: string, name: string) => {
    const v = worst && of(type, worst[0]);
    return v ? `${name} ${short(v[1])} ms` : null;
  };
  return {
    label: 'Delivery p99', value: short(worst?.[1]), unit: 'ms', tone: '',
    under: worst ? join(part('DeliveryLatencyP50', 'p50'), part('DeliveryLatencyP95', 'p95')) : 'no output reports it',
    spark: fold(store.of('DeliveryLatencyP99'), spark, 'max'), hint: 'Time a post takes until the far end answers, 99 of 100; the slowest output',
  };
}

function deadLetters({ store, dead, now }: Known, spark: Range): Figure {
  const held = dead ? (dead.held === 0 ? 'none held' : `${count(dead.held)} held`) : null;
  return {
    label: 'Dead letters', value: count(dead?.hour), unit: 'last hour', tone: dead && dead.hour > 0 ? 'err' : '',
    under: join(held, dead?.oldest ? `oldest ${age(now - dead.oldest / 1000).replace(' ago', '')}` : null) || 'not known yet',
    spark: fold(store.of('DeadLettered'), spark, 'sum', 'sum'), hint: 'Records a far end refused for good in the last hour',
  };
}
