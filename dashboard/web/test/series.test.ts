import { expect, test } from 'vitest';
import { FINE, holes, Ring, SeriesStore } from '../src/core/series';
import type { Point } from '../src/core/types';

const T = 1_795_184_400; // a multiple of 10
const point = (second: number, value: number, type = 'Lag', sender = 'es-output', ip = ''): Point => [second, sender, ip, type, value, 30, 60];

test('a ring keeps late, rewritten and missing seconds apart', () => {
  const ring = new Ring(1, 10);
  ring.put(T, 1);
  ring.put(T + 3, 4);
  ring.put(T + 1, 2); // late
  ring.put(T + 3, 5); // again
  expect([0, 1, 2, 3, 4].map((s) => ring.at(T + s))).toEqual([1, 2, null, 5, null]);
  expect(ring.newest()).toBe(T + 3);
});

test('a ring forgets what is older than it, also over a long silence', () => {
  const ring = new Ring(1, 10);
  ring.put(T, 1);
  ring.put(T + 10, 2);
  expect(ring.at(T)).toBeNull();
  ring.put(T, 9); // too late
  expect(ring.at(T)).toBeNull();
  ring.put(T + 1000, 3);
  for (let s = 991; s < 1000; s++) expect(ring.at(T + s)).toBeNull();
  expect(ring.at(T + 1000)).toBe(3);
});

test('lag folds by its largest value, throughput by its mean, and a gap stays one', () => {
  const store = new SeriesStore();
  [2, 9, 4].forEach((v, i) => store.put(point(T + i, v), T + 3));
  [100, 300].forEach((v, i) => store.put(point(T + i, v, 'Throughput', 'tcp-receiver'), T + 3));
  expect(store.of('Lag')[0]!.points(T, T + 6, 2)).toEqual([9, 4, null]);
  expect(store.of('Throughput')[0]!.points(T, T + 6, 2)).toEqual([200, null, null]);
});

test('a sender that is alive and delivered nothing delivered 0; one that is silent is not known', () => {
  const store = new SeriesStore();
  for (let i = 0; i < 4; i++) store.put(point(T + i, 0), T + 5);
  store.put(point(T + 1, 50, 'Throughput'), T + 5);
  const [out] = store.of('Throughput');
  expect([0, 1, 2, 3, 4].map((s) => out!.at(T + s))).toEqual([0, 50, 0, 0, null]);
});

test('of two members only the one that speaks delivered 0', () => {
  const store = new SeriesStore();
  for (const ip of ['out-1', 'out-2']) store.put(point(T, 9, 'Delivered', 'es-output', ip), T + 5);
  store.put(point(T + 1, 0, 'Lag', 'es-output', 'out-1'), T + 5);
  expect(store.of('Delivered').map((s) => s.at(T + 1))).toEqual([0, null]);
});

test('posts that are counted under the name of the original are those of the output', () => {
  const store = new SeriesStore();
  store.put(point(T, 1, 'Lag', 'http-output', 'out-1'), T + 1);
  store.put(point(T, 3, 'BatchCount', 'sumologic-publisher', 'out-1'), T + 1);
  expect(new Set(store.list().map((s) => s.source)).size).toBe(1);
  expect(store.of('BatchCount')[0]!.at(T)).toBe(3);
});

test('a clock that runs ahead does not clear the history', () => {
  const store = new SeriesStore();
  store.put(point(T, 1), T);
  store.put(point(T + FINE * 2, 7), T);
  expect(store.of('Lag')[0]!.at(T)).toBe(1);
  expect(store.refused).toBe(1);
});

test('history fills what the stream did not bring, and does not replace it', () => {
  const store = new SeriesStore();
  store.put(point(T + 2, 5), T + 2);
  const series = { type: 'Lag', sender: 'es-output', ip: '', unit: 's', agg: 'Max', threshold: { Warn: 30, Error: 60 } };
  store.load({ now: 0, from: T * 1000, step_s: 1, began: T * 1000, series: [{ ...series, values: [1, null, 3] }] });
  expect([0, 1, 2].map((s) => store.of('Lag')[0]!.at(T + s))).toEqual([1, null, 5]);
});

test('totals of ten seconds come as sums and are kept as rates', () => {
  const store = new SeriesStore();
  store.load({ now: 0, from: T * 1000, step_s: 10, began: 0, series: [{ type: 'Throughput', sender: 'es-output', ip: '', unit: 'records', agg: 'Total', threshold: null, values: [500, null] }] });
  expect(store.of('Throughput')[0]!.points(T, T + 20, 10, undefined, true)).toEqual([50, null]);
  expect(store.of('Throughput')[0]!.over(T, T + 10, 'sum', true)).toBe(500);
});

test('names that never end do not fill the browser', () => {
  const store = new SeriesStore();
  for (let i = 0; i < 3000; i++) store.put(point(T, 1, 'Lag', `sender-${i}`), T);
  expect(store.size).toBeLessThanOrEqual(1000);
});

test('only what nobody filled of the time away is a hole', () => {
  const known = (s: number) => s < T + 3 || s >= T + 7;
  expect(holes([[T, T + 10]], known, T - 5, T + 20)).toEqual([[T + 3, T + 7]]);
  expect(holes([[T, Infinity]], (s) => s < T + 3, T - 5, T + 9)).toEqual([[T + 3, T + 9]]);
  expect(holes([], () => false, T, T + 9)).toEqual([]);
});
