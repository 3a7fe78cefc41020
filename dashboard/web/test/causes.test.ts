import { beforeEach, expect, test } from 'vitest';
import { causes, halts, listed, refusalWords, trouble } from '../src/core/causes';
import { SeriesStore } from '../src/core/series';
import { failed } from '../src/ui/lines';

const T = 1_795_184_400;
const me = new Set(['http-output\n']);
let store: SeriesStore;
beforeEach(() => void (store = new SeriesStore()));
const say = (second: number, type: string, value: number, sender = 'http-output') => store.put([second, sender, '', type, value, null, null], T + 1000);

test('what a metric says of its causes is added up by cause, the most frequent first', () => {
  say(T, 'Rejected.hostname', 2, 'tcp-receiver');
  say(T + 1, 'Rejected.hostname', 1, 'tcp-receiver');
  say(T + 1, 'Rejected.oversized', 9, 'tcp-receiver');
  say(T + 1, 'Rejected', 12, 'tcp-receiver'); // the sum is no cause
  say(T + 1, 'Rejected.hostname', 50, 'http-receiver');
  const list = causes(store, 'Rejected', (s) => s.sender === 'tcp-receiver', T, T + 10);
  expect(list).toEqual([{ cause: 'oversized', n: 9 }, { cause: 'hostname', n: 3 }]);
  expect(listed(list, refusalWords)).toBe('9 too large, 3 without a hostname');
});

test('an output whose posts come back is in trouble once it has delivered nothing for ten seconds', () => {
  say(T, 'Delivered', 100);
  for (let s = 1; s <= 9; s++) say(T + s, 'Retried.503', 1);
  expect(trouble(store, me, T + 10)).toBeNull();
  say(T + 10, 'Retried.none', 1);
  expect(trouble(store, me, T + 12)).toMatchObject({ kind: 'repeating', cause: '503', text: 'delivers nothing: the far end answers 503' });
  say(T + 12, 'Delivered', 5);
  for (let s = 13; s < 40; s++) say(T + s, 'Lag', 0);
  expect(trouble(store, me, T + 40)).toBeNull(); // it was idle since
});

test('a batch that is halved to find its bad record is no trouble, a pause is one at once', () => {
  for (let s = 0; s < 30; s++) say(T + s, 'Retried.400', 1);
  expect(trouble(store, me, T + 30)).toBeNull();
  say(T + 29, 'Paused.sink', 1);
  expect(trouble(store, me, T + 31)).toMatchObject({ kind: 'paused', text: 'sends nothing: the far end does not take anything' });
  say(T + 30, 'Paused.sink', 0);
  expect(trouble(store, me, T + 32)).toBeNull();
});

test('each stretch without a delivery has a begin and an end', () => {
  for (let s = 0; s < 60; s++) {
    if (s < 10 || s >= 40) say(T + s, 'Delivered', 1);
    else if (s % 5 === 0) say(T + s, 'Retried.503', 1);
  }
  say(T + 45, 'Retried.503', 1); // a blip
  expect(halts(store, 'http-output\n', T, T + 60)).toEqual([{ from: T + 10, to: T + 40, cause: '503' }]);
});

test('the chart of failures says by which answers, and where they begin', () => {
  for (let s = 0; s < 60; s++) say(T + s, 'Delivered', 1);
  say(T + 21, 'Retried', 3);
  say(T + 21, 'Retried.503', 2);
  say(T + 22, 'Retried.none', 1);
  say(T + 35, 'Retried', 1);
  say(T + 35, 'Retried.503', 1);
  const f = failed(store, { from: T, to: T + 60, end: T + 60, newest: T + 60, width: 1, coarse: false });
  expect(f.lines.map((l) => [l.label, ...l.values])).toEqual([['retried', 0, 0, 3, 1, 0, 0]]);
  expect(f.why).toEqual(['', '', '503 × 2, no valid answer × 1', '503 × 1', '', '']);
  expect(f.begins).toEqual({ at: T + 20, text: '503 begins' });
});
