import { expect, test } from 'vitest';
import { byGroup, bytesOf, chosen, confirmed, hex, line, period, reasonWords, rows, runs, streamOf, told } from '../src/pages/dead/model';
import { forbidden } from '../src/ui/change';

const kind = (letters: number, group = 'g') => ({ group, fingerprint: `f${letters}`, sink: 'bulk', status: 400, error_type: 'e', pattern: 'p', example: 'p', letters, bytes: 1, first: '', last: '', attempts: 1 });
const counts = { selected: 5, bytes: 10, done: 4, gone: 1, deaf: 0 };

test('reasons of all streams are in one list, the most frequent first', () => {
  const list = [{ stream: 'A', letters: 3, kinds: [kind(3)], others: 0 }, { stream: 'B', letters: 9, kinds: [kind(9)], others: 0 }];
  expect(rows(list).map((r) => [r.stream, r.letters])).toEqual([['B', 9], ['A', 3]]);
  expect(streamOf([{ ...list[0]!, letters: 0 }, list[1]!], '')).toBe('B');
  expect(streamOf(list, 'X')).toBe('X');
  expect(streamOf([], '')).toBe('');
});

test('a group is all of its reasons together', () => {
  const made = (letters: number, group: string, first: string, last: string) => ({ ...kind(letters, group), stream: 'S', first, last, attempts: letters });
  const list = [made(5, 'b', '2026-11-20T10:00:00Z', '2026-11-20T11:00:00Z'), made(2, 'a', '', '2026-11-20T12:00:00Z'), made(4, 'a', '2026-11-20T10:00:00Z', ''), made(1, 'a', '2026-11-20T09:59:59.5Z', '2026-11-20T12:00:00.5Z')];
  expect(byGroup(list)).toEqual([
    { stream: 'S', group: 'a', sink: 'bulk', reasons: 3, letters: 7, bytes: 3, attempts: 4, first: Date.parse('2026-11-20T09:59:59.5Z'), last: Date.parse('2026-11-20T12:00:00.5Z') },
    { stream: 'S', group: 'b', sink: 'bulk', reasons: 1, letters: 5, bytes: 1, attempts: 5, first: Date.parse('2026-11-20T10:00:00Z'), last: Date.parse('2026-11-20T11:00:00Z') },
  ]);
  expect(byGroup([...list, { ...made(1, 'a', '', ''), stream: 'T' }])).toHaveLength(3);
});

test('many letters are only dropped after their number was typed', () => {
  expect(confirmed('drop', 100, '')).toBe(true);
  expect(confirmed('drop', 101, '')).toBe(false);
  expect(confirmed('drop', 1176, '1,176')).toBe(true);
  expect(confirmed('drop', 1176, '1175')).toBe(false);
  expect(confirmed('replay', 1176, '')).toBe(true);
  expect(confirmed('replay', 0, '')).toBe(false);
});

test('who may not change anything is told why', () => {
  expect(forbidden('operator', false, '', 'drop letters')).toBeNull();
  expect(forbidden('viewer', false, '', 'drop letters')).toMatch(/operator token .* may drop letters\.$/);
  expect(forbidden('operator', true, '', '')).toMatch(/Read-only/);
  expect(forbidden('operator', false, 'NATS is unreachable', '')).toMatch(/^NATS is unreachable\. Nothing/);
  expect(forbidden(undefined, undefined, '', '')).not.toBeNull();
});

test('an action is one line of the changes, however many entries it has', () => {
  const a = { run: '1', who: 'w', action: 'drop', stream: 'S', filter: { group: 'g', match: '' } };
  const list = runs([{ ...a, time: 't3', state: 'begun', run: '2' }, { ...a, time: 't2', state: 'done', counts }, { ...a, time: 't1', state: 'begun' }]);
  expect(list.map((r) => [r.run, r.state, r.began])).toEqual([['2', 'begun', 't3'], ['1', 'done', 't1']]);
  expect(told(a.filter)).toBe('group g');
  expect(told({})).toBe('all letters');
});

test('each line of a change is progress, a result or a problem', () => {
  expect(line(counts)).toEqual({ counts, last: false });
  expect(line({ result: counts })).toEqual({ counts, last: true });
  expect(line({ problem: { title: 'x', status: 503, detail: 'd', done: counts } })).toMatchObject({ problem: { title: 'x', status: 503 }, counts });
  expect(line('x')).toBeNull();
});

test('the original bytes are shown as a hex dump', () => {
  const data = bytesOf(btoa('\u001eHeka\u0000' + 'x'.repeat(14)));
  expect(hex(data).split('\n')).toEqual([
    '000000  1e 48 65 6b 61 00 78 78  78 78 78 78 78 78 78 78  .Heka.xxxxxxxxxx',
    '000010  78 78 78 78                                       xxxx',
  ]);
  expect(hex(new Uint8Array(40), 16).split('\n').at(-1)).toBe('… 24 more bytes');
});

test('a period ends now, and none has no beginning', () => {
  expect(period('60', 3600_000)).toBe('1970-01-01T00:59:00.000Z');
  expect(period('', 1)).toBe('');
  expect(period('own', 1)).toBe('');
});

test('letters chosen by hand are told as such', () => {
  const subjects = ['lm.dead.s.g.99.88120.3', 'lm.dead.s.g.99.88121.0'];
  expect(told({ subjects })).toBe('2 chosen letters, from 88120.3 on');
  expect(told({ subjects: subjects.slice(0, 1) })).toBe('the letter 88120.3');
  const some = chosen(chosen(new Set(), subjects, true), [subjects[0]!], false);
  expect([...some]).toEqual([subjects[1]]);
  expect([reasonWords('mapper', 'no date'), reasonWords('', 'no date'), reasonWords('', '')]).toEqual(['mapper: no date', 'no date', 'no reason given']);
});
