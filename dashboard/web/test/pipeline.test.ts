import { expect, test } from 'vitest';
import { pressing } from '../src/core/flow';
import { known, release, run } from '../src/core/programs';
import { SeriesStore } from '../src/core/series';
import type { Balance, Books, Consumers, Told } from '../src/core/types';
import { groupCommand, quote } from '../src/pages/consumers/rows';
import { accounts, take } from '../src/pages/pipeline/baseline';
import { csv } from '../src/pages/pipeline/csv';
import { happenings } from '../src/pages/pipeline/events';
import { Growth } from '../src/ui/growth';
import { receiverRows, stageRows } from '../src/pages/pipeline/stages';
import { read, write } from '../src/pages/settings/transfer';
import { defaults } from '../src/core/settings';
import { Track } from '../src/core/track';

const balance = (part: Partial<Balance>): Balance => ({
  group: 'es', state: 'balanced', closed: false, epoch: 1_795_206_922_928_000_000, baseline: 1, stored: 0, delivered: 0, already: 0, repaired: 0, filtered: 0, dead: 0, pending: 0, expired: 0,
  difference: 0, pending_blocks: 0, expired_blocks: 0, settled_to: 0, ...part,
});
const books = (...groups: Balance[]): Books => ({ at: '2026-11-20T12:00:00Z', streams: [{ stream: 'logs', first: 1, last: 9, bytes: 1, max_bytes: 2, seconds_until_full: null, held_by: '', groups }] });

test('since a baseline the equation still holds, with what was pending then', () => {
  const then = take(books(balance({ stored: 100, delivered: 80, filtered: 5, dead: 1, pending: 14 })), 5000);
  const [a] = accounts(books(balance({ stored: 250, delivered: 230, filtered: 9, dead: 1, pending: 10 })), JSON.parse(JSON.stringify(then)));
  expect(a).toMatchObject({ carried: 14, stored: 150, delivered: 150, filtered: 4, dead: 0, pending: 10, difference: 0, whole: false, since: 5000 });
  expect(a!.carried + a!.stored).toBe(a!.delivered + a!.filtered + a!.dead + a!.pending + a!.expired + a!.difference);
});

test('a group that was made anew after the baseline counts from its beginning', () => {
  const then = take(books(balance({ stored: 100, delivered: 100 })), 5000);
  const [a] = accounts(books(balance({ epoch: 1_795_300_000_000_000_000, stored: 7, delivered: 7 })), then);
  expect(a).toMatchObject({ whole: true, stored: 7, carried: 0, since: 1_795_300_000_000 });
});

test('a group without figures is not known, and gets no baseline', () => {
  const b = books(balance({ state: 'unknown' }));
  expect(accounts(b, {})[0]!.known).toBe(false);
  expect(take(b, 1)).toEqual({ at: 1 });
});

test('a spreadsheet takes no text for a formula', () => {
  for (const evil of ['=1+1', '+1', '-1', '@SUM(A1)', ' =1', '\t=1', '\r=1', '＝1', '\u200b=1', '|calc', '%x']) expect(csv([[evil]])).toMatch(/^"?'/);
  expect(csv([['plain', 'a=b', -5, null, 'a,"b"']])).toBe('plain,a=b,-5,,"a,""b"""\r\n');
});

test('silence while others speak is an event, silence of all is not', () => {
  const store = new SeriesStore();
  const say = (s: number, sender: string) => store.put([s, sender, '', 'Throughput', 1, null, null], s);
  for (let s = 1000; s < 1100; s++) {
    if (s >= 1080 && s < 1090) continue; // nobody
    say(s, 'http-receiver');
    if (s < 1020 || s >= 1040) say(s, 'tcp-receiver');
  }
  const facts = { store, programs: [], began: 1_000_000, away: [], statuses: [], flows: [], dead: null, now: 1101 };
  const list = happenings(facts).filter((e) => e.who !== 'dashboard');
  expect(list.map((e) => [e.at, e.who])).toEqual([[1040, 'tcp-receiver']]);
  expect(list[0]!.what).toContain('20 s of silence');
});

// A receiver that speaks in these seconds while another one always does, and what its
// processes told: [started, version, until], in seconds.
function history(speaks: (s: number) => boolean, ...lives: [number, string, number?, Told['state']?][]) {
  const store = new SeriesStore();
  for (let s = 1000; s < 1300; s++) {
    store.put([s, 'http-receiver', '', 'Throughput', 1, null, null], s);
    if (speaks(s)) store.put([s, 'tcp-receiver', '', 'Throughput', 1, null, null], s);
  }
  const programs = known(lives.map(([started, version, until, state = until === undefined ? 'running' : 'silent']) => ({
    sender: 'tcp-receiver', ip: '', version, started: started * 1000, state, ...(until === undefined ? {} : { until: until * 1000 }),
  })));
  const facts = { store, programs, began: 1_000_000, away: [], statuses: [], flows: [], dead: null, now: 1303 };
  return happenings(facts).filter((e) => e.who === 'tcp-receiver').map((e) => `${e.at} ${e.tone} ${e.what}`);
}

test('a restart is told exactly: when, after what silence, and what version became what', () => {
  expect(history((s) => s < 1100 || s > 1120, [-5000, 'v1.0.0', 1095], [1120.4, 'v1.1.0'])).toEqual(['1120.4 warn receiver restarted after 21 s of silence, version v1.0.0 → v1.1.0']);
  expect(history((s) => s < 1100 || s > 1102, [-5000, 'v1.0.0', 1095], [1102, 'v1.0.0'])).toEqual(['1102 warn receiver restarted after 3 s of silence, version v1.0.0']);
  expect(history((s) => s < 1100 || s > 1120, [-5000, 'a', 1100.5, 'stopped'], [1119.5, 'b'])).toEqual(['1119.5 ok receiver restarted, 19 s after it had stopped, version a → b', '1100.5 plain receiver stopped, version a']);
});

test('a process that was there before a silence and after it has not restarted', () => {
  expect(history((s) => s < 1100 || s > 1120, [-5000, 'a'])).toEqual(['1121 warn receiver is back after 21 s of silence: it ran all the time, its connection was lost']);
});

test('a start without anybody before it is a start, and an orderly end is no silence', () => {
  expect(history((s) => s >= 1100, [1099.5, 'a'])).toEqual(['1099.5 ok receiver started, version a']);
  expect(history((s) => s < 1200, [-5000, 'a', 1200, 'stopped'])).toEqual(['1200 warn receiver stopped, version a']);
  expect(history((s) => s < 1200, [-5000, 'a', 1195])).toEqual(['1199 err receiver last heard; silent since']);
});

test('of two processes of one name each is told by itself', () => {
  expect(history(() => true, [-5000, 'a', 1095], [-4000, 'a'], [1100, 'b'])).toEqual(['1100 warn receiver restarted, version a → b']);
  expect(history(() => true, [-5000, 'a', 1095], [-4000, 'a'])).toEqual(['1095 err receiver last heard of one process, version a; silent since']);
});

test('a receiver on each of two hosts has silences and starts of its own', () => {
  const store = new SeriesStore();
  for (let s = 1000; s < 1300; s++) for (const ip of ['a', 'b']) if (ip === 'a' || s < 1100 || s > 1120) store.put([s, 'tcp-receiver', ip, 'Throughput', 1, null, null], s);
  const told = (ip: string, started: number, until?: number): Told => ({ sender: 'tcp-receiver', ip, version: 'v1', started: started * 1000, ...(until ? { state: 'silent', until: until * 1000 } : { state: 'running' }) });
  const list = happenings({ store, programs: known([told('a', -5000), told('b', -5000, 1095), told('b', 1119)]), began: 1_000_000, away: [], statuses: [], flows: [], dead: null, now: 1303 });
  expect(list.filter((e) => e.who !== 'dashboard').map((e) => `${e.at} ${e.who} ${e.what}`)).toEqual(['1119 tcp-receiver b receiver restarted after 20 s of silence, version v1']);
});

test('a program that tells nothing of itself is guessed at, as ever', () => {
  expect(history((s) => s < 1100 || s > 1120)).toEqual(['1121 warn receiver is back after 21 s of silence: restarted, or its connection was lost']);
});

test('stages and receivers show the youngest process and all versions; what is not told is not known', () => {
  const store = new SeriesStore();
  for (const sender of ['tcp-receiver', 'http-receiver']) for (let s = 1000; s < 1100; s++) store.put([s, sender, '', 'Throughput', 10, null, null], s);
  const told = (sender: string, started: number, version: string, state: Told['state'] = 'running'): Told => ({ sender, ip: '', version, started, state, ...(state === 'running' ? {} : { until: 2 }) });
  const programs = known([told('tcp-receiver', 5000, 'v1.0.0 go1.26'), told('tcp-receiver', 9000, 'v1.1.0 go1.26'), told('tcp-receiver', 9500, 'v9', 'stopped')]);
  const rows = receiverRows(store, 1100, programs);
  expect(rows.map((r) => [r.sender, r.run.since, r.run.versions])).toEqual([['tcp-receiver', 9000, ['v1.0.0', 'v1.1.0']], ['http-receiver', null, []]]);
  const stage = stageRows(store, new Track(), rows, [], { at: '', streams: [{ name: 'LOGS', last: 1 }] } as unknown as Consumers, () => null, 1100, programs, '2.12.1');
  expect(stage.map((s) => [s.key, s.run.since, s.run.versions])).toEqual([['receive', 9000, ['v1.0.0', 'v1.1.0']], ['store LOGS', null, ['NATS 2.12.1']]]);
});

test('a version is called by its tag, or by its commit', () => {
  expect(['v0.4.0 a89c62e12345 go1.26.8', '(devel) go1.26.8', '(devel) a89c62e12345 modified go1.26.8', 'v0.0.0-20261130120000-a89c62e12345 a89c62e12345 go1.26.8', 'mine', ''].map(release))
    .toEqual(['v0.4.0', '(devel)', 'a89c62e+', 'a89c62e', 'mine', '']);
});

test('names of processes cannot hide what they are', () => {
  const [p] = known([{ sender: 'tcp\u202e', ip: '', version: 'v\u200b1', started: 1, state: 'running' }]);
  expect([p!.sender, p!.version, run([p!], () => true).versions]).toEqual(['tcp⟨U+202E⟩', 'v⟨U+200B⟩1', ['v⟨U+200B⟩1']]);
});

test('a metric that a receiver does not report is not known, not 0', () => {
  const store = new SeriesStore();
  for (let s = 1000; s < 1100; s++) store.put([s, 'tcp-receiver', '', 'Throughput', 10, null, null], s);
  expect(receiverRows(store, 1100)).toMatchObject([{ sender: 'tcp-receiver', rate: 10, minute: 10, rejected: null, filtered: null, bytes: null, connections: null, seen: 1099 }]);
});

test('a stream that was made anew does not shrink', () => {
  const growth = new Growth();
  const at = (s: number, last: number) => growth.take({ at: new Date(s * 1000).toISOString(), streams: [{ name: 'logs', last }] } as unknown as Consumers);
  at(100, 1000);
  expect(growth.rate('logs', 100_000)).toBeNull();
  at(110, 1200);
  expect(growth.rate('logs', 110_000)).toBe(20);
  at(115, 3);
  expect(growth.rate('logs', 115_000)).toBeNull();
});

test('commands survive strange names', () => {
  expect([quote('es_subscriber'), quote("a'b c"), quote('-x'), quote('$(rm)')]).toEqual(['es_subscriber', `'a'\\''b c'`, `'-x'`, `'$(rm)'`]);
  expect(groupCommand('logs', 'es', { nats: 'up', js: 'up', since: 0, url: 'nats://127.0.0.1:4222' })).toBe('nats --server nats://127.0.0.1:4222 consumer info logs es');
});

test('settings come back as they went, and nothing else comes in', () => {
  expect(read(write({ ...defaults, theme: 'dark', seenWarn: 5 }))).toEqual({ taken: { ...defaults, theme: 'dark', seenWarn: 5 }, ignored: [] });
  expect(read('{"theme":"pink","rows":7,"__proto__":{"a":1},"zone":"utc"}')).toEqual({ taken: { zone: 'utc' }, ignored: ['theme', 'rows', '__proto__'] });
  for (const bad of ['', '[]', 'null', '{', '{"seenWarn":60,"seenError":10}']) expect(read(bad).error).toBeTruthy();
  expect(({} as { a?: number }).a).toBeUndefined();
});

test('a stream that fills up presses when that is a day away, and more within the hour', () => {
  expect([null, 26 * 86_400, 86_400, 3601, 3600, 0].map(pressing)).toEqual(['', '', 'warn', 'warn', 'err', 'err']);
});
