import { beforeEach, expect, test } from 'vitest';
import { badges, startBadges } from '../src/core/badges';
import { live } from '../src/core/live';
import { tick } from '../src/core/tick';
import { flows, groupOf, nameOf, outputs } from '../src/core/flow';
import { SeriesStore } from '../src/core/series';
import { Track } from '../src/core/track';
import type { Balance, Books, Consumers, Group, Stream } from '../src/core/types';
import { figures } from '../src/pages/overview/figures';
import { attention, type Facts } from '../src/pages/overview/rules';
import { verdict } from '../src/core/verdict';
import { drains, groupRows } from '../src/core/groups';
import { range } from '../src/core/range';
import { throughputIn } from '../src/ui/lines';
import { senders } from '../src/pages/overview/senders';

const now = 1_795_184_400;
let store: SeriesStore, track: Track;
beforeEach(() => {
  store = new SeriesStore();
  track = new Track();
});

const balance = (part: Partial<Balance> = {}): Balance => ({
  group: 'es_subscriber', state: 'balanced', closed: false, epoch: 0, baseline: 1, stored: 10, delivered: 10, already: 0, repaired: 0, filtered: 0, dead: 0, pending: 0,
  expired: 0, difference: 0, pending_blocks: 0, expired_blocks: 0, settled_to: 1, ...part,
});
const books = (...groups: Balance[]): Books => ({ at: '', streams: [{ stream: 'LOGS', first: 1, last: 9, bytes: 1, max_bytes: 100, seconds_until_full: 7200, held_by: '', groups }] });
const group = (part: Partial<Group> = {}): Group => ({
  name: 'es_subscriber', created: '', pending: 0, unacked: 0, limit: 1000, redelivered: 0, ack_floor: 5, delivered: 5, waiting: 1, ack_wait_s: 60, last_delivered: null, last_ack: null, paused: false, paused_until: null, ...part,
});
const consumers = (part: Partial<Stream> = {}, ...groups: Group[]): Consumers => ({
  at: '', streams: [{ name: 'LOGS', subject: 'logs', first: 1, last: 9, messages: 9, bytes: 1, max_bytes: 100, replicas: 1, when_full: 'refuse', left_s: null, held_by: '', dead: null, groups, ...part }],
});

function look(part: Partial<Facts> = {}): string[] {
  const facts: Facts = { store, track, books: null, consumers: null, flows: flows(part.books ?? null, part.consumers ?? null, []), dead: null, senders: [], silentAfter: 60, dropped: 0, now, ...part };
  return attention(facts).map((i) => `${i.tone}: ${i.what} ${i.text}`);
}
const lag = (from: number, to: number, value: number) => {
  for (let s = from; s < to; s++) store.put([s, 'es-output', '', 'Lag', value, 30, 60], now);
};

test('nothing wrong is silence', () => {
  lag(now - 100, now, 1);
  expect(look({ books: books(balance()), consumers: consumers({}, group()) })).toEqual([]);
});

test('lag over its threshold is told after ten seconds, with since when', () => {
  lag(now - 100, now - 9, 1);
  lag(now - 9, now, 41);
  expect(look()).toEqual([]);
  lag(now - 30, now, 41);
  expect(look()).toEqual(['warn: es-output lag is 41 s, over the 30 s warning']);
  lag(now - 30, now, 90);
  expect(look()).toEqual(['err: es-output lag is 90 s, over the 60 s error limit']);
});

test('the lag of all members is one thing to attend to', () => {
  for (const [ip, value] of [['out-1', 41], ['out-2', 90], ['out-3', 2]] as const) for (let s = now - 30; s < now; s++) store.put([s, 'es-output', ip, 'Lag', value, 30, 60], now);
  expect(look()).toEqual(['err: es-output lag is up to 90 s on 2 members, over the 60 s error limit']);
});

test('lag that fell below in between starts anew', () => {
  lag(now - 100, now, 41);
  lag(now - 5, now - 4, 2);
  expect(look()).toEqual([]);
});

test('dead letters of the last hour, by their reason', () => {
  const kind = (letters: number, pattern: string) => ({ group: '', sink: '', status: 413, error_type: '', pattern, example: '', fingerprint: pattern, letters, bytes: 0, first: '', last: '' });
  const dead = { at: 0, held: 1176, oldest: null, hour: 14, kinds: [kind(14, '413 Payload Too Large')] };
  expect(look({ dead })).toEqual(['err: 14 dead letters in the last hour, all “413 Payload Too Large”']);
  expect(look({ dead: { ...dead, kinds: [kind(11, 'a'), kind(3, 'b')] } })).toEqual(['err: 14 dead letters in the last hour, 11 of them “a”']);
  expect(look({ dead: { ...dead, hour: 0 } })).toEqual([]);
});

test('a group at its limit, and one that nobody reads', () => {
  expect(look({ consumers: consumers({}, group({ unacked: 1000 })) })[0]).toMatch(/^warn: es_subscriber holds 1,000 blocks/);
  expect(look({ consumers: consumers({}, group({ waiting: 0, pending: 7 })) })[0]).toMatch(/^err: es_subscriber has no member: nobody fetches its 7 blocks/);
  const until = new Date((now + 725) * 1000).toISOString();
  const paused = look({ books: books(balance({ pending: 1200 })), consumers: consumers({}, group({ paused: true, paused_until: until, waiting: 0, pending: 7 })) });
  expect(paused).toHaveLength(1);
  expect(paused[0]).toMatch(/^warn: es_subscriber is paused until \d\d:\d\d \(in 12 min\): 1,200 records pending$/);
});

test('a difference counts from the second snapshot on, a loss at once', () => {
  const off = books(balance({ state: 'difference', difference: 37 }));
  track.take(off, now - 5);
  expect(look({ books: off })).toEqual([]);
  track.take(off, now);
  expect(look({ books: off })).toEqual(['err: es_subscriber does not add up: 37 records without an outcome']);
  expect(look({ books: books(balance({ expired: 3 })) })[0]).toMatch(/lost 3 records/);
});

test('a stream that is nearly full, and one that removes what a group has not settled', () => {
  expect(look({ consumers: consumers({ bytes: 81, left_s: 7200 }) })).toEqual(['warn: LOGS is 81 % full (81 B of 100 B), intake refused in 2 h']);
  expect(look({ consumers: consumers({ bytes: 80 }) })).toEqual([]);
  expect(look({ consumers: consumers({ when_full: 'expire', first: 9 }, group({ pending: 3, ack_floor: 5 })) })[0]).toMatch(/^err: es_subscriber is being overtaken/);
});

test('pending that grows for five minutes, with the time left', () => {
  for (let s = 0; s <= 300; s += 5) track.pending.put(now - 300 + s, 1000 + s * 10);
  expect(look({ books: books(balance()) })).toEqual(['warn: 4,000 pending and growing by 10 msg/s for 5 min: the stream is full in 2 h']);
  track.pending.put(now - 120, 1000); // it fell once
  expect(look({ books: books(balance()) })).toEqual([]);
});

test('what is lost or refused comes before what is newer', () => {
  store.put([now - 5, 'tcp-receiver', '', 'Throughput', 3, null, null], now);
  store.put([now - 5, 'tcp-receiver', '', 'Rejected', 3, null, null], now);
  const full = consumers({ bytes: 99, left_s: 0, held_by: 'audit' }, group({ unacked: 1000 }));
  expect(look({ consumers: full, dropped: 7 }).map((line) => line.slice(0, 60))).toEqual([
    'err: LOGS is 99 % full (99 B of 100 B), intake refused now, ', 'warn: 7 events were left out: this browser or its line is to',
    'warn: tcp-receiver refused 3 records within 10 min', 'warn: es_subscriber holds 1,000 blocks unacknowledged, its l',
  ]);
});

test('many hosts of a program that fell silent are one trouble', () => {
  for (let i = 1; i <= 30; i++) store.put([now - 90 - i, 'tcp-receiver', `edge-${i}`, 'Throughput', 3, null, null], now);
  expect(look({ senders: senders(store, now) })).toEqual(['err: tcp-receiver edge-1 and 29 more has been silent for 91 s']);
});

test('a sender that fell silent, and events left out', () => {
  store.put([now - 90, 'tcp-receiver', '10.0.0.1', 'Throughput', 3, null, null], now);
  expect(look({ senders: senders(store, now) })).toEqual(['err: tcp-receiver 10.0.0.1 has been silent for 90 s']);
  expect(look({ dropped: 1204 })).toEqual(['warn: 1,204 events were left out: this browser or its line is too slow']);
});

test('green only with fresh figures without a difference, also while records are pending', () => {
  const say = (b: Books | null, fresh = true, snapshots = 2) => verdict(b, fresh, () => snapshots);
  expect(say(books(balance()))).toMatchObject({ text: 'Balanced', tone: 'ok' });
  expect(say(books(balance({ pending: 5 }))).text).toBe('Balanced');
  expect(say(books(balance()), false)).toMatchObject({ text: 'Paused', tone: 'plain' });
  expect(say(null)).toMatchObject({ text: '–', tone: 'plain' });
  expect(say(books())).toMatchObject({ text: 'No groups', tone: 'plain' });
  expect(say(books(balance({ expired: 2 })))).toMatchObject({ text: 'Lost 2', tone: 'err' });
  expect(say(books(balance({ state: 'unknown', error: 'no key' })))).toMatchObject({ text: 'Unknown', tone: 'warn', hint: 'es_subscriber: no key' });
  expect(say({ ...books(balance()), error: 'no answer' })).toMatchObject({ text: 'Unknown', tone: 'warn' });
});

test('a difference of one snapshot is still settling, of two it is one', () => {
  const off = books(balance(), balance({ state: 'difference', difference: -37 }));
  expect(verdict(off, true, () => 1)).toMatchObject({ text: 'Settling', tone: 'plain' });
  expect(verdict(off, true, () => 2)).toMatchObject({ text: 'Difference 37', tone: 'err' });
  expect(verdict(off, false, () => 2).text).toBe('Paused');
});

test('drains in: at the speed of the last minute, growing when it does not', () => {
  expect(drains(null, null)).toBe('–');
  expect(drains(0, null)).toBe('0 s');
  expect(drains(600, { pending: -10, settled: 50 })).toBe('60 s');
  expect(drains(600, { pending: 2, settled: 50 })).toBe('growing');
  expect(drains(100, { pending: 2, settled: 50 })).toBe('2 s');
});

test('a sender belongs to the group of its name, else its usual one, else the only one', () => {
  expect(groupOf('es-output', ['a', 'es_subscriber'])).toBe('es_subscriber');
  expect(groupOf('es-output', ['es-output', 'es_subscriber'])).toBe('es-output');
  expect(groupOf('http-output', ['archive'])).toBe('archive');
  expect(groupOf('http-output', ['a', 'b'])).toBeNull();
});

test('an output that has delivered nothing yet is one all the same, and says why', () => {
  for (let t = now - 80; t < now; t++) store.put([t, 'es-output', 'out-1', 'Lag', t - now + 80, 30, 60], now);
  for (let t = now - 80; t < now; t += 7) store.put([t, 'es-output', 'out-1', 'Retried.none', 1, null, null], now);
  const out = outputs(store), list = flows(books(balance()), consumers({}, group()), out);
  expect(out.map((s) => [s.ip, s.over(now - 6, now - 1)])).toEqual([['out-1', 0]]);
  expect(figures({ store, track, books: null, dead: null, now }, range(300, null, now))[1]).toMatchObject({ label: 'Delivered', value: '0', under: 'es-output' });
  expect(groupRows(list, store, track, out, new Set(), now)[0]).toMatchObject({ members: '1 member', rate: 0, lag: 78, state: { text: 'No answer' } });
});

test('a group whose members all died is read by nobody, whatever they have in hand, and its far end is not blamed', () => {
  for (let t = now - 180; t < now - 90; t++) store.put([t, 'es-output', 'out-1', 'Lag', t - now + 180, 30, 60], now);
  for (let t = now - 180; t < now - 90; t += 7) store.put([t, 'es-output', 'out-1', 'Retried.none', 1, null, null], now);
  const out = outputs(store), then = consumers({}, group({ waiting: 0, unacked: 709, pending: 5961, last_delivered: new Date((now - 90) * 1000).toISOString() }));
  const list = flows(books(balance()), then, out), rows = () => groupRows(list, store, track, out, new Set(), now)[0];
  expect(rows()).toMatchObject({ members: '0 of 1 member', state: { tone: 'err', text: 'No reader' } });
  expect(look({ consumers: then, flows: list })).toEqual(['err: es_subscriber has no member: nobody fetches its 6,670 blocks']);
  for (let t = now - 20; t < now; t++) store.put([t, 'es-output', 'out-2', 'Lag', 1, 30, 60], now);
  const one = outputs(store), back = flows(books(balance()), then, one); // one that lives may hold as much, and asks for no more
  expect(groupRows(back, store, track, one, new Set(), now)[0]).toMatchObject({ members: '1 of 2 members', state: { text: 'No answer' } });
  expect(look({ consumers: then, flows: back }).join()).not.toContain('no member');
});

test('a figure counts the second that goes on as soon as one has reported it, and waits for nobody', () => {
  for (let t = now - 10; t < now; t++) for (const ip of ['edge-1', 'edge-2']) store.put([t, 'tcp-receiver', ip, 'Throughput', 0, null, null], now);
  store.put([now, 'tcp-receiver', 'edge-1', 'Throughput', 50, null, null], now);
  expect(figures({ store, track, books: null, dead: null, now: now + 0.2 }, range(300, null, now + 0.2))[0]).toMatchObject({ label: 'Received', value: '10' });
});

test('of two receivers the one that refuses is named', () => {
  for (const ip of ['edge-1', 'edge-2']) store.put([now - 2, 'tcp-receiver', ip, 'Throughput', 5, null, null], now);
  store.put([now - 2, 'tcp-receiver', 'edge-2', 'Rejected', 3, null, null], now);
  expect(look({})).toEqual(['warn: tcp-receiver edge-2 refused 3 records within 10 min']);
});

test('two outputs of one name are told apart by their group, two members by their address', () => {
  const tell = (group: string, ip = '') => ({ sender: 'http-output', group, ip });
  const all = [tell('sumologic', '10.0.0.1'), tell('sumologic', '10.0.0.2'), tell('archive')];
  expect(all.map((o) => nameOf(o, all))).toEqual(['http-output sumologic 10.0.0.1', 'http-output sumologic 10.0.0.2', 'http-output archive']);
  expect(nameOf(all[0]!, [all[0]!])).toBe('http-output');

  for (const [group, n] of [['sumologic', 3], ['', 5]] as const) store.put([now - 2, 'http-output', '', 'Delivered', n, null, null, group], now);
  const list = flows(books(balance({ group: 'sumologic' }), balance({ group: 'http_subscriber' })), null, store.of('Delivered'));
  expect(list.map((f) => [f.name, ...f.programs])).toEqual([['sumologic', 'http-output\nsumologic'], ['http_subscriber', 'http-output\n']]);
  expect(senders(store, now).map((s) => [s.group, s.rate])).toEqual([['', 5], ['sumologic', 3]]);
});

test('a legend leaves out the sender that all lines share, a title never', () => {
  for (const ip of ['edge-1', 'edge-2']) for (let s = now - 20; s < now; s++) store.put([s, 'tcp-receiver', ip, 'Throughput', 3, null, null], now);
  const say = () => throughputIn(store, range(60, null, now), () => 'c1').lines.map((l) => `${l.label} | ${l.title}`);
  expect(say()).toEqual(['edge-1 | tcp-receiver edge-1', 'edge-2 | tcp-receiver edge-2']);
  for (let s = now - 20; s < now; s++) store.put([s, 'http-receiver', 'edge-1', 'Throughput', 3, null, null], now);
  expect(say()).toEqual(['tcp edge-1 | tcp-receiver edge-1', 'tcp edge-2 | tcp-receiver edge-2', 'http | http-receiver']);
});

test('the badge counts groups, however many members are behind', () => {
  startBadges();
  for (const ip of ['out-1', 'out-2', 'out-3']) for (let s = now - 10; s < now; s++) live.series.put([s, 'es-output', ip, 'Lag', 41, 30, 60], now);
  tick.set({ n: 1, now: now * 1000, server: now * 1000 });
  expect(badges.get()['consumers']).toMatchObject({ n: 1, what: 'behind' });
});
