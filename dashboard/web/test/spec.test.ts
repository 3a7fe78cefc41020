import { expect, test } from 'vitest';
import { canSay, chipsOf, isRaw, specOf, textOf, toggle, withTerm, type Chip, type Op, type Value } from '../src/core/spec';
import { href } from '../src/core/url';

// A generator of its own, so that a failure comes again.
function dice(seed: number) {
  return (n: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
}
const texts = ["it's", '"', `both ' and "`, 'ends in \\', "\\'", 'a/b', '/', '.*+?()[]{}^$|', 'two\nlines', '\0', '', ' ', '日本 ä', '&& || (', '\\A\\z', 'x\\n', 'NIL', "\\\\'"];
const fields = ['Type', 'Hostname', 'Logger', 'Payload', 'Uuid', 'Fields[traceId]', 'Fields[a b.c]', 'Fields[x][1][2]', 'Severity', 'Pid', 'Timestamp'];
const ops: Op[] = ['is', 'not', 'le', 'ge', 'lt', 'gt', 're', 'nre'];

function randomChips(roll: (n: number) => number): Chip[] {
  const list: Chip[] = [];
  for (let i = roll(5); i >= 0; i--) {
    if (roll(8) === 0) { list.push({ raw: ['(Type == \'a\' || Pid > 3)', 'TRUE', "Fields[x] != 'y'"][roll(3)]! }); continue; }
    const field = fields[roll(fields.length)]!, op = ops[roll(ops.length)]!;
    const value = (): Value => [texts[roll(texts.length)]!, roll(1e6) / 8, 1e21, 5e-7, true, false, null][/Severity|Pid|Timestamp/.test(field) ? 1 + roll(3) : field.startsWith('Fields') ? roll(7) : 0]!;
    const values = [...new Set(Array.from({ length: op === 'is' || op === 'not' ? 1 + roll(3) : 1 }, value))];
    if (op === 're' || op === 'nre') values[0] = ['^a/b$', 'x+', "'", '\\d\\.'][roll(4)]!;
    if (!values.every((v) => canSay(field, op, v)) || (op === 'not' && values.includes(null) && values.length > 1)) continue;
    const last = list[list.length - 1];
    if (op === 'not' && last && !isRaw(last) && last.op === 'not' && last.field === field) continue; // these become one
    list.push({ field, op, values });
  }
  return list;
}

test('chips go into a spec and into the URL, and come back the same', () => {
  const roll = dice(20261120);
  for (let i = 0; i < 2000; i++) {
    const chips = randomChips(roll), spec = specOf(chips);
    const again = new URL(href('search', { q: spec }), 'http://x').searchParams.get('q') ?? '';
    expect(again).toBe(spec);
    expect(chipsOf(again), spec).toEqual(chips);
  }
});

test('what people write becomes chips, and the rest stays as it is written', () => {
  expect(chipsOf("Severity<=4 && (Type=='nginx.error'||Type==\"app\") && Hostname != 'a' && Hostname != 'b'")).toEqual([
    { field: 'Severity', op: 'le', values: [4] }, { field: 'Type', op: 'is', values: ['nginx.error', 'app'] }, { field: 'Hostname', op: 'not', values: ['a', 'b'] },
  ]);
  for (const [spec, raw] of [["Type == 'a' || Pid == 1", "(Type == 'a' || Pid == 1)"], ["(Type == 'a') || (Pid == 1)", "((Type == 'a') || (Pid == 1))"], ["( Type == 'a' || Pid == 1 )", "( Type == 'a' || Pid == 1 )"], ['TRUE', 'TRUE']]) {
    expect(chipsOf(spec!)).toEqual([{ raw }]);
  }
  expect(chipsOf("TRUE && (Pid == 1 && (Pid == 2 || Type == 'x'))")).toEqual([{ raw: 'TRUE' }, { field: 'Pid', op: 'is', values: [1] }, { raw: "(Pid == 2 || Type == 'x')" }]);
  expect(chipsOf('  ')).toEqual([]);
  for (const bad of ['Severity <', 'severity == 3', "Type == 'a", "Type == 'a\\'", 'Pid == -1', 'Type == /a/', '(Pid == 1', 'Pid == 1)', 'Pid == 1 Pid == 2', 'Type', '&&']) expect(chipsOf(bad), bad).toBeNull();
});

test('a field that is absent is not filtered out by its value', () => {
  expect(textOf({ field: 'Fields[x]', op: 'not', values: ['a', 'b'] })).toBe("(Fields[x] == NIL || Fields[x] != 'a' && Fields[x] != 'b')");
  expect(textOf({ field: 'Fields[x]', op: 'not', values: [null] })).toBe('Fields[x] != NIL');
});

test('what a spec cannot say is not offered', () => {
  expect([canSay('Fields[n]', 'is', -1), canSay('Fields[b]', 'not', true), canSay('Fields[a]b]', 'is', 'x'), canSay('Type', 'is', 3), canSay('Pid', 'is', 3), canSay('Fields[n]', 'is', 'x')]).toEqual([false, false, false, false, true, true]);
});

test('facets add to the chip of their field and take from it', () => {
  let spec = withTerm("Severity <= 4", { field: 'Type', op: 'is', values: ['a'] });
  spec = withTerm(spec, { field: 'Type', op: 'is', values: ['b'] });
  expect(spec).toBe("Severity <= 4 && (Type == 'a' || Type == 'b')");
  expect(specOf(toggle(chipsOf(spec)!, 'Type', 'is', 'a', false))).toBe("Severity <= 4 && Type == 'b'");
  expect(withTerm("Type != 'a' && Type != 'b'", { field: 'Type', op: 'is', values: ['a'] })).toBe("Type != 'b' && Type == 'a'");
  expect(withTerm('Severity <', { field: 'Type', op: 'is', values: ['a'] })).toBe('Severity <');
});
