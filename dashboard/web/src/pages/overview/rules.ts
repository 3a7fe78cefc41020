import { causes, listed, refusalWords, trouble } from '../../core/causes';
import type { Dead } from '../../core/dead';
import { nameOf, outputOf, receivers, soon, unread, type Flow } from '../../core/flow';
import { bytes, count, duration, percent, plural, short } from '../../core/format';
import { pausedText } from '../../core/groups';
import { programOf, type Series, type SeriesStore } from '../../core/series';
import { grows, type Track } from '../../core/track';
import type { Books, Consumers } from '../../core/types';
import type { Sender } from './senders';

// What somebody should look at. Silence means healthy. Pure.

export interface Item {
  id: string; // the same as long as it is the same trouble
  tone: 'warn' | 'err';
  page: string; // where to look
  params?: Record<string, string>;
  what: string; // the link
  text: string; // the rest of the sentence
  since: number | null; // unix seconds
}

export interface Facts {
  store: SeriesStore;
  track: Track;
  books: Books | null;
  consumers: Consumers | null;
  flows: readonly Flow[];
  dead: Dead | null;
  senders: readonly Sender[];
  silentAfter: number; // seconds
  dropped: number; // events left out within the last minute
  now: number; // unix seconds of the server
}

export function attention(f: Facts): Item[] {
  const items = [...lagging(f), ...halted(f), ...deadLetters(f), ...refused(f), ...groups(f), ...differences(f), ...streams(f), ...growing(f), ...silent(f), ...dropped(f)];
  return items.sort((a, b) => Number(b.tone === 'err') - Number(a.tone === 'err') || (b.since ?? 0) - (a.since ?? 0)); // few are seen at first
}

// over tells since when a series has been over a value, null unless it has been
// for ten seconds.
export function over(s: Series, value: number, now: number): number | null {
  let since: number | null = null, seen = 0;
  for (let t = Math.floor(now) - 1; t > now - 3600; t--) {
    const v = s.at(t);
    if (v === null) {
      if (t > now - 5) continue; // not everybody has reported yet
      break;
    }
    if (v < value) break;
    since = t;
    seen++;
  }
  return seen >= 10 ? since : null;
}

// lagging outputs: one item each, however many of its members lag.
function lagging({ store, flows, now }: Facts): Item[] {
  const list = store.of('Lag');
  const late = list.flatMap((s) => {
    const since = s.threshold && over(s, s.threshold.warn, now);
    return since === null ? [] : [{ s, since, value: s.over(Math.floor(now) - 6, Math.floor(now)) ?? 0, error: over(s, s.threshold!.error, now) !== null }];
  });
  return [...new Set(late.map(({ s }) => s.program))].map((program): Item => {
    const members = late.filter(({ s }) => s.program === program).sort((a, b) => Number(b.error) - Number(a.error) || b.value - a.value);
    const { s, value, error } = members[0]!, t = s.threshold!, alone = members.length === 1;
    const limit = error ? `the ${duration(t.error)} error limit` : `the ${duration(t.warn)} warning`;
    const why = trouble(store, new Set([program]), now);
    return {
      id: `lag ${program}`, tone: error ? 'err' : 'warn', page: 'consumers', params: groupParams(flows, program), since: known(Math.min(...members.map((m) => m.since)), store),
      what: alone ? nameOf(s, list) : outputOf(s), text: `lag is ${alone ? '' : 'up to '}${duration(value)}${alone ? '' : ` on ${members.length} members`}, over ${limit}${why ? `; it ${why.text}` : ''}`,
    };
  });
}

// known: what was so when history begins may have been so for long.
const known = (since: number, { began }: SeriesStore): number | null => (since > began / 1000 + 10 ? since : null);

const groupParams = (flows: readonly Flow[], program: string): Record<string, string> => {
  const flow = flows.find((f) => f.programs.has(program));
  return flow ? { group: flow.key } : {};
};

// halted outputs whose lag does not tell it yet.
function halted({ store, flows, now }: Facts): Item[] {
  return flows.flatMap((f) => {
    const why = trouble(store, f.programs, now);
    const late = store.of('Lag').some((s) => f.programs.has(s.program) && s.threshold && over(s, s.threshold.warn, now) !== null);
    return why && !late ? [{ id: `halted ${f.key} ${why.cause}`, tone: why.kind === 'paused' ? 'err' : 'warn', page: 'consumers', params: { group: f.key }, what: f.name, text: why.text, since: null } satisfies Item] : [];
  });
}

const REFUSED = 600; // seconds

function refused({ store, now }: Facts): Item[] {
  const list = receivers(store), end = Math.floor(now);
  return list.flatMap((r): Item[] => {
    const n = store.of('Rejected').filter((s) => s.source === r.source).reduce((sum, s) => sum + (s.over(end - REFUSED, end, 'sum') ?? 0), 0);
    if (n === 0) return [];
    const why = listed(causes(store, 'Rejected', (s) => s.source === r.source, end - REFUSED, end), refusalWords);
    return [{ id: `refused ${r.source}`, tone: 'warn', page: 'pipeline', what: nameOf(r, list), text: `refused ${plural(n, 'record')} within ${duration(REFUSED)}${why && `: ${why}`}`, since: null }];
  });
}

function deadLetters({ dead }: Facts): Item[] {
  if (!dead || dead.hour === 0) return [];
  const [first, ...others] = dead.kinds;
  const why = !first ? '' : others.length === 0 ? `, all “${first.pattern || first.error_type}”` : `, ${short(first.letters)} of them “${first.pattern || first.error_type}”`;
  const last = Math.max(0, ...dead.kinds.map((k) => Date.parse(k.last) / 1000).filter((s) => s > 0));
  return [{ id: `dead ${dead.kinds.map((k) => k.fingerprint).join(' ')}`, tone: 'err', page: 'dead', what: plural(dead.hour, 'dead letter'), text: `in the last hour${why}`, since: last || null }];
}

function groups({ store, flows, now }: Facts): Item[] {
  return flows.flatMap((f) => {
    const { name, group: g, balance, key } = f;
    if (!g || balance?.closed) return [];
    const items: Item[] = [];
    if (g.limit > 0 && g.unacked >= g.limit) {
      items.push({ id: `limit ${key}`, tone: 'warn', page: 'consumers', params: { group: key }, what: name, text: `holds ${count(g.unacked)} blocks unacknowledged, its limit: it gets no more until it acknowledges`, since: null });
    }
    if (g.paused) {
      items.push({ id: `paused ${key}`, tone: 'warn', page: 'consumers', params: { group: key }, what: name, text: `is ${pausedText(g, now).toLowerCase()}: ${balance ? plural(balance.pending, 'record') : plural(g.pending, 'block')} pending`, since: null });
    }
    const last = g.last_delivered ? Date.parse(g.last_delivered) / 1000 : 0;
    if (unread(f, store, now) && now - last > 60) {
      items.push({ id: `nobody ${key}`, tone: 'err', page: 'consumers', params: { group: key }, what: name, text: `has no member: nobody fetches its ${plural(g.pending + g.unacked, 'block')}`, since: last || null });
    }
    return items;
  });
}

function differences({ books, track }: Facts): Item[] {
  return (books?.streams ?? []).flatMap((s) => (s.groups ?? []).flatMap((g): Item[] => {
    const key = `${s.stream}/${g.group}`;
    if (g.state === 'difference' && track.differs(key) >= 2) return [{ id: `difference ${key}`, tone: 'err', page: 'pipeline', what: g.group, text: `does not add up: ${plural(Math.abs(g.difference), 'record')} ${g.difference > 0 ? 'without an outcome' : 'too many'}`, since: null }];
    if (g.expired > 0) return [{ id: `expired ${key}`, tone: 'err', page: 'pipeline', what: g.group, text: `lost ${plural(g.expired, 'record')}: the stream removed them before they were settled`, since: null }];
    return [];
  }));
}

function streams({ consumers }: Facts): Item[] {
  return (consumers?.streams ?? []).flatMap((s): Item[] => {
    const full = s.max_bytes > 0 ? s.bytes / s.max_bytes : 0;
    const left = s.left_s === null ? '' : `, ${s.when_full === 'expire' ? 'first loss' : 'intake refused'} ${soon(s.left_s)}`;
    const behind = s.when_full === 'expire' ? (s.groups ?? []).filter((g) => g.pending > 0 && g.ack_floor > 0 && s.first > g.ack_floor + 1) : [];
    const items: Item[] = behind.map((g) => ({ id: `overtaken ${s.name}/${g.name}`, tone: 'err', page: 'consumers', params: { group: `${s.name}/${g.name}` }, what: g.name, text: `is being overtaken: ${s.name} already removed blocks it has not settled`, since: null }));
    if (full > 0.8) items.push({ id: `full ${s.name}`, tone: full > 0.95 ? 'err' : 'warn', page: 'consumers', what: s.name, text: `is ${percent(s.bytes, s.max_bytes).replace(/\.\d+/, '')} full (${bytes(s.bytes)} of ${bytes(s.max_bytes)})${left}${s.held_by ? `, held by ${s.held_by}` : ''}`, since: null });
    return items;
  });
}

function growing({ track, books, now }: Facts): Item[] {
  const rate = grows(track.pending, Math.floor(now));
  const last = track.pending.newest();
  const value = last === null ? null : track.pending.at(last);
  if (rate === null || value === null || value < 1000) return [];
  const full = (books?.streams ?? []).map((s) => s.seconds_until_full).filter((s): s is number => s !== null);
  return [{ id: 'growing', tone: 'warn', page: 'pipeline', what: `${count(value)} pending`, text: `and growing by ${short(rate)} msg/s for 5 min${full.length ? `: the stream is full in ${duration(Math.min(...full))}` : ''}`, since: Math.floor(now) - 300 }];
}

// silent senders: those of a program that are silent on many hosts are one trouble.
function silent({ senders, silentAfter, now }: Facts): Item[] {
  const list = senders.filter((s) => now - s.seen > silentAfter);
  return [...new Set(list.map(programOf))].map((program) => {
    const mine = list.filter((s) => programOf(s) === program), one = mine[0]!, seen = Math.max(...mine.map((s) => s.seen)); // the least silent
    return {
      id: `silent ${mine.map((s) => s.key)}`, tone: 'err', page: 'pipeline', what: outputOf(one) + (one.ip && ` ${one.ip}`) + (mine[1] ? ` and ${mine.length - 1} more` : ''),
      text: `has been silent for ${duration(now - seen)}`, since: seen + silentAfter,
    };
  });
}

function dropped({ dropped, now }: Facts): Item[] {
  return dropped === 0 ? [] : [{ id: 'dropped', tone: 'warn', page: 'settings', what: plural(dropped, 'event'), text: 'were left out: this browser or its line is too slow', since: now }];
}
