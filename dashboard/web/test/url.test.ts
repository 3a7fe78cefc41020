import { beforeEach, expect, test } from 'vitest';
import { href, read, route, setParams } from '../src/core/url';
import { parseZoom, range } from '../src/core/range';

beforeEach(() => {
  history.replaceState(null, '', '/search');
  route.set(read(location));
});

test('state goes into the URL and comes back, whatever it is', () => {
  const values = ['Severity <= 3 && Type =~ /^a+b&c=d?#/', '100 %', 'ä→日本', '+', ' "\\ '];
  for (const q of values) {
    setParams({ q, w: '1h' });
    expect(new URLSearchParams(location.search).get('q')).toBe(q);
    expect(new URLSearchParams(route.get().query).get('q')).toBe(q);
    expect(read(new URL(href('search', { q }), location.href))).toEqual({ page: 'search', query: new URLSearchParams({ q }).toString() });
  }
});

test('what is empty or the default is not in the URL', () => {
  setParams({ q: 'x', w: '1h' });
  setParams({ q: '', w: null });
  expect(location.search).toBe('');
  expect(href('tail', { q: '', n: 0, x: null })).toMatch(/tail\?n=0$/);
});

test('the page is the last part of the path, below any directory', () => {
  expect(read({ pathname: '/logs/dead', search: '?reason=413' })).toEqual({ page: 'dead', query: 'reason=413' });
  expect(read({ pathname: '/logs/', search: '' })).toEqual({ page: '', query: '' });
});

test('a zoom is two times, and nothing else is', () => {
  expect(parseZoom('1795184400-1795184460')).toEqual([1795184400, 1795184460]);
  for (const bad of ['', '1-2', '1795184460-1795184400', '1795184400-', 'x-y', '1795184400-1795184401']) expect(parseZoom(bad)).toBeNull();
});

test('points stand on multiples of their width, at most some 180 of them, and end with the last second that all have reported', () => {
  const now = 1_795_184_403.7;
  for (const [seconds, width] of [[60, 1], [300, 2], [900, 5], [3600, 20], [21600, 120]] as const) {
    const r = range(seconds, null, now);
    expect(r.width).toBe(width);
    expect(r.from % width).toBe(0);
    expect([r.end, r.newest]).toEqual([Math.floor(now) - 1, Math.floor(now) + 1]);
    expect(r.to - r.end).toBeGreaterThanOrEqual(0);
    expect(r.to - r.end).toBeLessThan(width);
    expect((r.to - r.from) / width).toBe(seconds / width);
    expect(r.coarse).toBe(seconds > 3600);
  }
  expect(range(21600, [1_795_170_000, 1_795_170_060], now)).toMatchObject({ width: 10, coarse: true });
});
