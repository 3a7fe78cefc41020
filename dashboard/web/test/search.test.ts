import { expect, test, vi } from 'vitest';
import { labels, rects, roof, totals, type HistogramAnswer } from '../src/pages/search/bars';
import { asked, hits, marked, mistakeIn, type Box } from '../src/pages/search/words';
import { Problem } from '../src/core/api';
import { chipsOf } from '../src/core/spec';
import { chosen } from '../src/pages/search/Facet';
import { fixedRange, formatColumns, parseColumns, readQuery, spanOf, step } from '../src/pages/search/query';
import { settings } from '../src/core/settings';
import { meant, written } from '../src/ui/moments';
import { cell, dynamicNames, fieldKey, inLine, parts, typed } from '../src/core/record';
import { visible } from '../src/core/text';
import { NOW } from './made';

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
  expect(readQuery('q=Pid+%3D%3D+1&text=a&range=1h&cols=Type&wrap=1&row=x&fields=trace%252CId,a&case=1&inside=1&regexp=1')).toEqual({ matchCase: true, inside: true, regexp: true, q: 'Pid == 1', text: 'a', range: '1h', columns: ['Type'], wrap: true, row: 'x', fields: ['Fields[trace,Id]', 'Fields[a]'] });
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
});

test('times below the bars are round ones of the shown zone', () => {
  expect(labels(61_000, 361_000, 600, 0)).toEqual([{ x: 118, ms: 120_000 }, { x: 238, ms: 180_000 }, { x: 358, ms: 240_000 }, { x: 478, ms: 300_000 }]);
  const day = 86_400_000, half = 5.5 * 3600_000;
  expect(labels(0, 4 * day, 400, 330).map(({ ms }) => (ms + half) % day)).toEqual([0, 0, 0, 0]);
  for (const span of [61_000, 5 * 60_000, 3600_000, 7 * day, 400 * day]) {
    const list = labels(NOW, NOW + span, 600, 60);
    expect(list.length, String(span)).toBeGreaterThan(1);
    list.forEach(({ x }, i) => i && expect(x - list[i - 1]!.x).toBeGreaterThan(80));
  }
});

const search = (text: string, how: Partial<Box> = {}, q = '') => ({ q, text, matchCase: false, inside: false, regexp: false, ...how });

test('the toggles say how the text of the box is meant', () => {
  expect(asked(search('Timed out'))).toEqual({ q: '', text: 'Timed out' });
  expect(asked(search('Timed 110 Timed', { matchCase: true }))).toEqual({ q: 'Payload =~ /(^|[^\\pL\\p{Nd}])Timed([^\\pL\\p{Nd}]|$)/', text: 'Timed 110 Timed' });
  expect(asked(search('Time 10.0.3.17:80 a/b', { inside: true }))).toEqual({ q: 'Payload =~ /(?i)Time/ && Payload =~ /10\\.0\\.3\\.17:80/ && Payload =~ /(?i)a\\/b/', text: '' });
  expect(asked(search('Time', { inside: true, matchCase: true })).q).toBe('Payload =~ /Time/');
  expect(asked(search(' up(stream)?|x', { regexp: true, inside: true }))).toEqual({ q: 'Payload =~ /(?i) up(stream)?|x/', text: '' });
  expect(asked(search('^\\w+/', { regexp: true, matchCase: true })).q).toBe('Payload =~ /^\\w+\\//');
  for (const how of [{ regexp: true }, { inside: true }, { matchCase: true }]) expect(asked(search('', how, 'Pid == 1'))).toEqual({ q: 'Pid == 1', text: '' });
});

test('a term of the box stands beside all that the spec says', () => {
  const q = (spec: string) => asked(search('x', { regexp: true }, spec)).q;
  expect(q('Severity <= 3 && Pid == 1')).toBe('Severity <= 3 && Pid == 1 && Payload =~ /(?i)x/');
  expect(q("Type == 'a' || Pid == 1")).toBe("(Type == 'a' || Pid == 1) && Payload =~ /(?i)x/");
  expect(q('Severity <')).toBe('(Severity <) && Payload =~ /(?i)x/'); // the server says what is wrong with it
});

test('nothing typed into the box gets out of its term', () => {
  let seed = 7;
  const roll = (n: number) => Math.floor(((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32) * n);
  const signs = ['\\', '/', "'", '"', ' ', '&&', '||', '(', ')', '[', ']', 'Q', 'E', 'a', 'K', 'ß', '日', '/ || TRUE', '.', '*', '$', '^', '\\Q'];
  const unquoted = (term: string) => term.slice('Payload =~ /'.length, -1).replaceAll('\\/', '/');
  for (let i = 0; i < 20_000; i++) {
    const text = Array.from({ length: 1 + roll(6) }, () => signs[roll(signs.length)]).join('');
    const how = { matchCase: roll(2) > 0, inside: roll(2) > 0, regexp: roll(2) > 0 };
    const { q } = asked(search(text, how, "Type == 't'"));
    const chips = chipsOf(q);
    if (!how.regexp && !how.inside && !how.matchCase) continue;
    if (chips === null) { // not closed, so the server refuses all of it
      expect(how.regexp && text.endsWith('\\'), q).toBe(true);
      continue;
    }
    expect(chips[0]).toEqual({ field: 'Type', op: 'is', values: ['t'] });
    for (const chip of chips.slice(1)) expect(chip, q).toMatchObject({ field: 'Payload', op: 're' });
    const terms = q.slice("Type == 't' && ".length);
    if (how.regexp) expect(unquoted(terms), q).toBe((how.matchCase ? '' : '(?i)') + (text.endsWith('\\\\') ? text.slice(0, -2) + '\\x5c' : text));
    else if (how.inside) expect(chips.slice(1), q).toHaveLength(new Set(text.match(/\S+/g)).size);
    if (how.inside && !how.regexp && !/\s/.test(text)) expect(new RegExp(unquoted(terms).replace('(?i)', ''), 'u').exec(text)?.[0], q).toBe(text);
  }
});

test('a mistake in an expression is shown at its place in the box', () => {
  const wrong = (text: string, of: string, how: Partial<Box> = {}, spec = '') => {
    const b = search(text, { regexp: true, ...how }, spec), { q } = asked(b);
    const offset = new TextEncoder().encode(q.slice(0, q.indexOf(of, q.indexOf('Payload')))).length;
    return mistakeIn(b, new Problem({ status: 400, parameter: 'q', offset, detail: `parameter q: match spec, byte ${offset}: it is wrong: ${of}\n  excerpt` }));
  };
  expect(wrong('ab[z-a]', 'z-a')).toEqual({ at: 3, message: 'it is wrong: z-a' });
  expect(wrong('日/[z-a]', 'z-a', { matchCase: true }, "Type == 'ä'")).toEqual({ at: 3, message: 'it is wrong: z-a' });
  expect(wrong('a(b', '(?i)a(b')).toEqual({ at: 0, message: 'it is wrong: a(b' });
  expect(wrong('a\\', 'a')).toEqual({ at: 1, message: 'trailing backslash at end of expression' });
  const problem = new Problem({ status: 400, parameter: 'q', offset: 10, detail: '' });
  expect(mistakeIn(search('x', { regexp: true }, 'Severity <'), problem)).toBeNull();
  expect(mistakeIn(search('x', {}, 'Severity <'), problem)).toBeNull();
  expect(mistakeIn(search("it's", { regexp: true }, "Type == 'open"), new Problem({ ...problem, offset: 40 })), 'the quote is closed in the box').toBeNull();
  expect(mistakeIn(search('--'), new Problem({ parameter: 'text', detail: 'no word' }))).toEqual({ at: null, message: 'no word' });
});

test('what is searched for is marked as the server finds it', () => {
  const words = hits(search('Timed OUT'));
  expect(marked('upstream timed out (110), Timed-out; timeout', words)).toEqual(['upstream ', 'timed out', ' (110), ', 'Timed', '-', 'out', '; timeout']);
  expect(marked('out of it', words)).toEqual(['', 'out', ' of it']);
  expect(marked('Timed timed', hits(search('timed', { matchCase: true })))).toEqual(['Timed ', 'timed', '']);
  expect(marked('Timeout at 1.2, not 1x2', hits(search('time 1.2', { inside: true })))).toEqual(['', 'Time', 'out at ', '1.2', ', not 1x2']);
  expect(marked('a ab abc', hits(search('a ab', { inside: true })))).toEqual(['', 'a ab ab', 'c']);
  expect(marked('Error, failure', hits(search('error|fail', { regexp: true })))).toEqual(['', 'Error', ', ', 'fail', 'ure']);
  for (const text of ['(a+)+$', 'a.c', '\\d', '|', '']) expect(hits(search(text, { regexp: true })), text).toBeNull();
  expect(marked('x', hits(search('--')))).toEqual(['x']);
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

test('a field whose name no spec can say is shown with its own value, and not that of another', () => {
  const doc = { 'heka.a]b': 'x', 'heka.a': 'y', 'heka.c][1': 'z' };
  expect(parts(doc).map((p) => [p.name, p.text])).toEqual([['Fields[a]b]', 'x'], ['Fields[a]', 'y'], ['Fields[c][1]', 'z']]);
  expect(['Fields[a]b]', 'Fields[a]', 'Fields[a][1]', 'Fields[a][1][2]'].map((name) => cell(doc, name))).toEqual(['x', 'y', 'y', 'y']);
});

test('a number that has lost digits says so, and is nothing to filter for', () => {
  const doc = { 'heka.n': 2 ** 53, 'heka.list': [1, -(2 ** 60)], 'heka.fine': 2 ** 53 - 1 };
  expect(parts(doc).map((p) => [p.text, p.values])).toEqual([['≈ 9007199254740992', []], ['1, ≈ -1152921504606847000', [1]], ['9007199254740991', [2 ** 53 - 1]]]);
  const list = [{ id: '', index: '', position: '', time: '', exact: true, doc }];
  expect([typed(list, 'Fields[n]', '9007199254740993'), typed(list, 'Fields[n]', '7')]).toEqual([NaN, 7]);
});

test('a moment that is typed is of the zone of the settings, to the millisecond', () => {
  vi.stubEnv('TZ', 'Asia/Kolkata');
  try {
    for (const [zone, text] of [['utc', '2026-11-20T14:20:00.123'], ['local', '2026-11-20T19:50:00.123']] as const) {
      settings.set({ ...settings.get(), zone });
      expect([written(NOW + 123), meant(text)]).toEqual([text, NOW + 123]);
    }
    expect([written(NaN), meant('')]).toEqual(['', NaN]);
  } finally {
    vi.unstubAllEnvs();
    settings.set({ ...settings.get(), zone: 'local' });
  }
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
