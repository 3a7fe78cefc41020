import { expect, test } from 'vitest';
import { labels, rects, roof, totals, type HistogramAnswer } from '../src/pages/search/bars';
import { marked, tokens } from '../src/pages/search/words';
import { chosen } from '../src/pages/search/Facet';
import { fixedRange, formatColumns, parseColumns, readQuery, spanOf, step } from '../src/pages/search/query';
import { dynamicNames, fieldKey, inLine, parts, typed } from '../src/core/record';
import { visible } from '../src/core/text';

test('a relative range stays relative, a fixed one stays where it is', () => {
  expect(spanOf('15m', 1e12)).toEqual({ from: 1e12 - 900_000, to: 1e12 });
  expect(spanOf('all', 1e12)).toEqual({ from: null, to: null });
  expect(spanOf(fixedRange(1000.9, 2000.1), 1e12)).toEqual({ from: 1000, to: 2001 });
  expect(spanOf(fixedRange(5, 5), 1e12)).toEqual({ from: 5, to: 6 });
  for (const bad of ['', 'x', '2-1', '1-', '99y']) expect(spanOf(bad, 1e12)).toEqual({ from: 1e12 - 900_000, to: 1e12 });
  expect([step('15m', 1), step('5m', -1), step('7d', 1), step('all', 1), step('1-2', 1)]).toEqual(['1h', '5m', 'all', 'all', '15m']);
});

test('what is shown comes back from the URL', () => {
  for (const columns of [[], ['Type'], ['Fields[a,b]', 'Hostname'], ['Fields[100 %]'], ['Hostname', 'Logger']]) expect(parseColumns(formatColumns(columns) ?? '')).toEqual(columns);
  expect(readQuery('q=Pid+%3D%3D+1&text=a&range=1h&cols=Type&wrap=1&row=x&fields=trace%252CId,a')).toEqual({ q: 'Pid == 1', text: 'a', range: '1h', columns: ['Type'], wrap: true, row: 'x', fields: ['Fields[trace,Id]', 'Fields[a]'] });
  expect(readQuery('cols=%25').columns).toEqual(['Hostname', 'Logger']);
});

test('bars stand on each other and on the ground', () => {
  const h: HistogramAnswer = { from: 0, to: 3000, step_ms: 1000, buckets: [[0, 0, 0, 4, 2, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 1, 1, 1]], counted: 10, total_is: 'exact', partial: false, took_ms: 1 };
  expect(totals(h)).toEqual([5, 2, 2, 1]);
  const list = rects(h, 300, 60, 6);
  expect(list.map((r) => [r.x, r.y, r.height, r.tone])).toEqual([[0, 20, 40, 'errf'], [0, 0, 20, 'warnf'], [200, 50, 10, 'errf'], [200, 30, 20, 'c1'], [200, 20, 10, 'c6']]);
  for (let max = 1; max < 1e7; max = Math.ceil(max * 1.3)) {
    expect(roof(max)).toBeGreaterThanOrEqual(max);
    expect(roof(max) % 2).toBe(0);
    expect(roof(max)).toBeLessThan(max * 2 + 2);
  }
  expect(labels(0, 100, 600)).toEqual([0, 100 / 3, 200 / 3, 100]);
});

test('words searched for are marked as the server finds them', () => {
  const words = tokens('Timed OUT');
  expect(words).toEqual(['timed', 'out']);
  expect(marked('upstream timed out (110), Timed-out; timeout', words)).toEqual(['upstream ', 'timed out', ' (110), ', 'Timed', '-', 'out', '; timeout']);
  expect(marked('out of it', words)).toEqual(['', 'out', ' of it']);
  expect(marked('x', [])).toEqual(['x']);
  for (const text of ['', 'timed', ' timed  out ', 'ä out/timed\n', 'out out out']) expect(marked(text, words).join('')).toBe(text);
});

test('nothing in a payload can hide or reorder text', () => {
  expect(visible('\u001b[31mred\u001b[0m \u0007\u202eevil\u200b')).toBe('red ␇⟨U+202E⟩evil⟨U+200B⟩');
  expect(inLine('a\nb\tc')).toBe('a ⏎ b c');
  expect(inLine('x'.repeat(3000))).toHaveLength(2049);
});

test('fields of a document have the names of specs', () => {
  const doc = { 'lm.position': '3.1', 'heka.n': [1, 2], 'heka.a.b': 'x', 'host.name': 'web', message: 'm', 'log.syslog.severity.code': 3, '@timestamp': '2026-11-20T20:00:00Z' };
  expect(parts(doc).map((p) => [p.name, p.text, p.values])).toEqual([
    ['Timestamp', '2026-11-20T20:00:00Z', []], ['Hostname', 'web', ['web']], ['Severity', '3', [3]], ['Fields[n]', '1, 2', [1]], ['Fields[a.b]', 'x', ['x']], ['lm.position', '3.1', []],
  ]);
  expect([fieldKey('Hostname'), fieldKey('Fields[a.b]'), fieldKey('lm.position')]).toEqual(['host.name', 'heka.a.b', 'lm.position']);
});

test('a value is chosen when its field is asked for it, or its severity is within', () => {
  const chips = [{ field: 'Severity', op: 'le' as const, values: [4] }, { field: 'Type', op: 'is' as const, values: ['a'] }, { field: 'Type', op: 'not' as const, values: ['b'] }];
  expect(['3', '4', '5'].map((s) => chosen(chips, 'Severity', s))).toEqual([true, true, false]);
  expect(['a', 'b'].map((t) => chosen(chips, 'Type', t))).toEqual([true, false]);
});

test('a counted value is compared as the records have it', () => {
  const found = (doc: Record<string, unknown>) => ({ id: '', index: '', position: '', time: '', exact: true, doc });
  const list = [found({ 'heka.code': 7, 'heka.ok': true }), found({ 'heka.code': '7', 'heka.many': [1, 'a'] }), found({ 'heka.traceId': '12' })];
  expect([typed(list, 'Fields[code]', '9'), typed(list, 'Fields[ok]', 'false'), typed(list, 'Fields[traceId]', '12'), typed(list, 'Fields[many]', 'a'), typed(list, 'Fields[none]', '1')]).toEqual([9, false, '12', 'a', '1']);
  expect(dynamicNames(list)).toEqual(['code', 'many', 'ok', 'traceId']);
});
