import { expect, test } from 'vitest';
import { bytes, change, count, duration, percent, short } from '../src/core/format';

test('what is not known is a dash, and 0 is 0', () => {
  for (const f of [count, short, bytes, duration]) {
    for (const unknown of [null, undefined, NaN, Infinity]) expect(f(unknown)).toBe('–');
    expect(f(0)).toMatch(/^0/);
  }
});

test('short numbers never show the next unit too early', () => {
  expect([7, 9.94, 12.4, 999, 999.4, 1000, 18432, 99940, 999_499, 1_200_000, 128_402_113, -1500].map(short))
    .toEqual(['7', '9.9', '12', '999', '999', '1k', '18.4k', '99.9k', '999k', '1.2M', '128M', '-1.5k']);
});

test('a percentage is floored: what is not all never reads 100 %', () => {
  expect(percent(999_999_999, 1_000_000_000)).toBe('99.999 %');
  expect(percent(127_391_840, 128_402_113)).toBe('99.213 %');
  expect(percent(5, 5)).toBe('100 %');
  expect(percent(0, 5)).toBe('0.000 %');
  expect(percent(0, 0)).toBe('–');
  for (let part = 0; part < 3000; part++) expect(percent(part, 3000)).not.toBe('100 %');
});

test('durations are cut, not rounded up', () => {
  expect([0, 0.0004, 0.212, 1.4, 41.9, 119, 239, 7199, 7200, 172799, 259200].map(duration))
    .toEqual(['0 s', '< 1 ms', '212 ms', '1.4 s', '41 s', '119 s', '3 min', '119 min', '2 h', '47 h', '3 d']);
});

test('bytes and changes', () => {
  expect([512, 54_100_000, 20e9, 1.84e9].map(bytes)).toEqual(['512 B', '54 MB', '20 GB', '1.8 GB']);
  expect([change(103, 100), change(99, 100), change(100, 100), change(1, 0), change(null, 3)]).toEqual(['+3 %', '−1 %', '±0 %', null, null]);
});
