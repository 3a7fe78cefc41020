import { expect, test } from 'vitest';
import type { Tail } from '../src/core/live';
import { Feed } from '../src/pages/tail/feed';
import { Meter, Ring } from '../src/pages/tail/ring';
import { neighbour, parts, show, where, wrap } from '../src/pages/tail/show';

const row = (n: number, message = `m${n}`) => ({ at: n, position: `${n}.0`, doc: { message } });

test('the ring keeps the newest lines and says what was skipped, in its place', () => {
  const ring = new Ring(10);
  for (let i = 0; i < 100; i++) ring.put({ kind: 'row', row: row(i) });
  expect(ring.lines().map((l) => l.kind === 'row' && l.row.at)).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
  ring.put({ kind: 'skipped', n: 3, from: 1, to: 2, why: 'fast' });
  ring.put({ kind: 'skipped', n: 4, from: 2, to: 5, why: 'fast' });
  ring.put({ kind: 'missed', blocks: 1 });
  ring.put({ kind: 'row', row: row(100) });
  expect(ring.lines().slice(-3)).toMatchObject([{ kind: 'skipped', n: 7, from: 1, to: 5 }, { kind: 'missed', blocks: 1 }, { kind: 'row' }]);
  expect(ring.added).toBe(101);
  expect(new Set(ring.lines().map((l) => l.id)).size).toBe(10);
});

test('what was taken out of the ring stands still', () => {
  const ring = new Ring(10);
  ring.put({ kind: 'skipped', n: 1, from: 0, to: 1, why: 'fast' });
  const before = ring.lines();
  ring.put({ kind: 'skipped', n: 1, from: 1, to: 2, why: 'fast' });
  ring.put({ kind: 'row', row: row(1) });
  expect(before).toMatchObject([{ n: 1 }]);
});

test('rates are of the last seconds, and a share of nothing is unknown', () => {
  const meter = new Meter();
  expect(meter.over(0, 5).shown).toBeNull();
  meter.put(1000, { seen: 999, matched: 999, skipped: 0 });
  meter.put(6500, { seen: 100, matched: 10, skipped: 5 });
  expect(meter.over(7000, 5)).toMatchObject({ seen: 20, matched: 2, shown: 0.5 });
});

// Tails that were opened, and a clock that is moved by hand.
function world() {
  const tails: { q: string; to: Tail; open: boolean }[] = [], timers: (() => void)[] = [];
  const feed = new Feed((q, _text, _max, to) => {
    const tail = { q, to, open: true };
    tails.push(tail);
    return () => { tail.open = false; };
  }, { now: () => 1000, after: (_ms, f) => { timers.push(f); return () => void timers.splice(timers.indexOf(f), 1); }, hidden: () => false }, 100);
  return { feed, tails, pass: () => [...timers].forEach((f) => f()) };
}
const none = { matched: 0, seen: 1, skipped: 0 };

test('a spec that does not parse leaves the running tail alone and says where it is wrong', () => {
  const { feed, tails, pass } = world();
  feed.ask({ q: 'TRUE', text: '' });
  pass();
  feed.ask({ q: 'Severity =', text: '' });
  tails[1]!.to.error!({ title: 'match spec', detail: 'unexpected end', offset: 10, expected: 'a number' });
  pass();
  expect(tails.map((t) => t.open)).toEqual([true, false]);
  expect(feed.refusal).toMatchObject({ offset: 10, filter: { q: 'Severity =' } });
  expect(feed.running!.q).toBe('TRUE');
  tails[0]!.to.rows([row(1)], none);
  expect(feed.ring.added).toBe(1);
  feed.ask({ q: 'TRUE', text: '' }); // taken back
  expect(feed.refusal).toBeNull();
  expect(tails.length).toBe(2);
});

test('a spec that works takes over with its first rows, and nothing is shown twice', () => {
  const { feed, tails } = world();
  feed.ask({ q: 'A', text: '' });
  tails[0]!.to.rows([row(1)], none);
  feed.ask({ q: 'B', text: '' });
  tails[0]!.to.rows([row(2)], none);
  tails[1]!.to.rows([row(2)], none);
  tails[0]!.to.rows([row(3)], none); // was under way
  expect(tails.map((t) => t.open)).toEqual([false, true]);
  expect(feed.ring.lines().map((l) => l.kind)).toEqual(['row', 'row', 'note', 'row']);
});

test('fast typing leaves one tail, and leaving the page none', () => {
  const { feed, tails, pass } = world();
  for (const q of ['a', 'ab', 'abc']) feed.ask({ q, text: '' });
  pass();
  expect(tails.map((t) => t.open)).toEqual([false, false, true]);
  feed.stop();
  expect(tails.some((t) => t.open)).toBe(false);
});

test('skipped rows, missed blocks and a lost connection are lines of the list', () => {
  const { feed, tails } = world();
  feed.ask({ q: '', text: '' });
  tails[0]!.to.rows([row(1)], { matched: 9, seen: 9, skipped: 8, missed_blocks: 2 } as never);
  tails[0]!.to.again!();
  expect(feed.ring.lines()).toMatchObject([{ kind: 'missed', blocks: 2 }, { kind: 'row' }, { kind: 'skipped', n: 8 }, { kind: 'note' }]);
});

test('hostile text cannot hide or turn around', () => {
  expect(wrap('a\u202eb\u0000c\n\td', 80)).toEqual(['a⟨U+202E⟩b␀c', '  d']);
  expect(show({})).toEqual({ severity: 'DEBUG', tone: '', host: '', logger: '', text: '' }); // as a spec reads it
  expect(show({ 'log.syslog.severity.code': 3, 'host.name': 'h', 'event.dataset': 't', message: 'm\n' })).toEqual({ severity: 'ERROR', tone: 'e', host: 'h', logger: 't', text: 'm' });
});

test('a wrapped record takes the rows its text needs', () => {
  expect(wrap('abcdefgh\nij', 4)).toEqual(['abcd', 'efgh', 'ij']);
  expect(wrap('', 4)).toEqual(['']);
  expect(wrap('x'.repeat(10_000), 10).length).toBe(60);
  const ring = new Ring(10);
  ring.put({ kind: 'row', row: row(1, 'abcdef') });
  ring.put({ kind: 'missed', blocks: 1 });
  expect(parts(ring.lines(), 4)).toEqual([{ line: 0, text: 'abcd', first: true, last: false }, { line: 0, text: 'ef', first: false, last: true }, { line: 1, text: null, first: true, last: true }]);
  expect(parts(ring.lines(), 0).length).toBe(2);
});

test('of a wrapped record that was cut nothing is hidden by the note that it was', () => {
  const ring = new Ring(10);
  ring.put({ kind: 'row', row: { ...row(1, 'abcdef'), cut: true } });
  expect(parts(ring.lines(), 4).map((p) => [p.text, p.last])).toEqual([['abcd', false], ['ef', false], ['… cut', true]]);
});

test('the place of a mistake is counted in bytes', () => {
  expect(where("Type == 'ä' ?", 13)).toEqual(["Type == 'ä' ", '?', '']);
  expect(where('Severity =', 10)).toEqual(['Severity =', '', '']);
});

test('j and k go from record to record, over what lies between, and begin at the newest', () => {
  const ring = new Ring(10);
  ring.put({ kind: 'row', row: row(1) });
  ring.put({ kind: 'missed', blocks: 1 });
  ring.put({ kind: 'row', row: row(2) });
  const lines = ring.lines(), [first, , last] = lines.map((l) => l.id);
  expect([neighbour(lines, 0, 1), neighbour(lines, 0, -1)]).toEqual([last, last]);
  expect([neighbour(lines, last!, -1), neighbour(lines, first!, -1), neighbour(lines, first!, 1), neighbour(lines, last!, 1)]).toEqual([first, first, last, last]);
  expect(neighbour([], 1, 1)).toBeNull();
});
