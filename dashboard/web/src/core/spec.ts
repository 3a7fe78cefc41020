// Match specs as lists of conditions that all must hold, which a page shows as
// chips. Spec text is what is in the URL and what the server gets; here it is only
// read as far as chips go. What is no chip of its own stays text in a raw one, so
// nothing is lost, and what makes no sense is left to the server to explain.

export type Value = string | number | boolean | null; // null: NIL, the field is absent
export type Op = 'is' | 'not' | 'le' | 'ge' | 'lt' | 'gt' | 're' | 'nre';

export interface Test {
  field: string; // as a spec names it: Severity, Hostname, Fields[x], Fields[x][1]
  op: Op;
  values: Value[]; // one or more for is and not, otherwise one
}
export interface Raw {
  raw: string; // part of a spec that binds at least as tightly as &&
}
export type Chip = Test | Raw;

export const isRaw = (c: Chip): c is Raw => 'raw' in c;
export const isDynamic = (field: string): boolean => field.startsWith('Fields[');
export const isNumeric = (field: string): boolean => /^(Severity|Pid|Timestamp)$/.test(field);

export const opWords: Record<Op, string> = { is: 'is', not: 'is not', le: '≤', ge: '≥', lt: '<', gt: '>', re: 'matches', nre: 'matches not' };
const signs = { le: '<=', ge: '>=', lt: '<', gt: '>' } as const;

// canSay tells whether a spec can express the test: it has no signs before
// numbers, no != for TRUE and FALSE, and no ] in names.
export function canSay(field: string, op: Op, value: Value): boolean {
  if (isDynamic(field) ? !/^Fields\[[^\]\n\0]+\](\[\d+\]){0,2}$/.test(field) : value === null || typeof value === 'boolean') return false;
  if (isNumeric(field) !== (typeof value === 'number') && !isDynamic(field)) return false;
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 && !Object.is(value, -0) && op !== 're' && op !== 'nre';
  if (typeof value === 'boolean') return op === 'is';
  if (value === null) return op === 'is' || op === 'not';
  return op === 'is' || op === 'not' || quotable(value);
}

// A quoted constant. Before its own quote a backslash is dropped, so a text that
// ends in one cannot stand in quotes at all.
export const delimited = (text: string, quote: string): string => quote + text.replaceAll(quote, '\\' + quote) + quote;
const quotable = (text: string): boolean => !/[\n\0]|\\$/.test(text);
const quoted = (text: string): string => delimited(text, text.includes("'") && !text.includes('"') ? '"' : "'");
export const escaped = (text: string): string => text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\0', '\\x00');
const literal = (text: string): string => `\\A${escaped(text)}\\z`;

// unliteral is the text that only literal(text) matches, undefined for other expressions.
function unliteral(expression: string): string | undefined {
  if (!expression.startsWith('\\A') || !expression.endsWith('\\z')) return undefined;
  const text = expression.slice(2, -2).replace(/\\(n|x00|.)/g, (_, c: string) => (c === 'n' ? '\n' : c === 'x00' ? '\0' : c));
  return literal(text) === expression ? text : undefined;
}

function one(field: string, same: boolean, v: Value): string {
  if (typeof v === 'string' && !quotable(v)) return `${field} ${same ? '=~' : '!~'} ${delimited(literal(v), '/')}`;
  return `${field} ${same ? '==' : '!='} ${v === null ? 'NIL' : typeof v === 'boolean' ? String(v).toUpperCase() : typeof v === 'number' ? v : quoted(v)}`;
}

// textOf a chip. A test of a field that is absent fails, also !=, so "is not" says
// that absent will do.
export function textOf(chip: Chip): string {
  if (isRaw(chip)) return chip.raw;
  const { field, op, values } = chip;
  if (op === 're' || op === 'nre') return `${field} ${op === 're' ? '=~' : '!~'} ${delimited(String(values[0]), '/')}`;
  if (op !== 'is' && op !== 'not') return `${field} ${signs[op]} ${typeof values[0] === 'number' ? values[0] : quoted(String(values[0]))}`;
  const list = values.map((v) => one(field, op === 'is', v));
  if (op === 'is') return list.length > 1 ? `(${list.join(' || ')})` : list[0]!;
  return isDynamic(field) && !values.includes(null) ? `(${field} == NIL || ${list.join(' && ')})` : list.join(' && ');
}

export const specOf = (chips: readonly Chip[]): string => chips.map(textOf).join(' && ');

interface Leaf { kind: 'test'; field: string; op: string; value: Value; regexp: boolean }
interface Group { kind: 'and' | 'or'; list: Node[] }
type Node = (Leaf | Group | { kind: 'literal' }) & { from: number; to: number };

const word = /[ \t]*(?:(Fields\[[^\]\n\0]+\](?:\[\d+\]){0,2}|Uuid|Type|Logger|Payload|EnvVersion|Hostname|Timestamp|Severity|Pid)(?![\w[])|(TRUE|FALSE|NIL)(?!\w)|(==|!=|>=|<=|=~|!~|>|<)|(&&|\|\|)|([()])|('(?:\\'|[^'\\\n\0]|\\(?!'))*'|"(?:\\"|[^"\\\n\0]|\\(?!"))*")|(\/(?:\\\/|[^/\\\n\0]|\\(?!\/))*\/)|([\d.][\d.e+-]*)|$)/y;

class Reader {
  at = 0;
  from = 0;
  to = 0;
  kind = -1; // group of word; 0 is the end
  text = '';

  constructor(readonly spec: string) {
    this.next();
  }

  next(): void {
    word.lastIndex = this.at;
    const m = word.exec(this.spec);
    if (!m) throw new SyntaxError();
    this.to = this.at; // end of the token before
    this.kind = m.findIndex((g, i) => i > 0 && g !== undefined);
    this.text = this.kind < 0 ? '' : m[this.kind]!;
    this.at = word.lastIndex;
    this.from = this.at - this.text.length;
  }

  chain(kind: 'and' | 'or'): Node {
    const from = this.from, list: Node[] = [];
    for (;;) {
      list.push(kind === 'or' ? this.chain('and') : this.operand());
      if (this.kind !== 4 || (this.text === '&&') !== (kind === 'and')) break;
      this.next();
    }
    return list.length === 1 ? list[0]! : { kind, list, from, to: this.to };
  }

  private operand(): Node {
    const from = this.from, text = this.text;
    if (this.kind === 5 && text === '(') {
      this.next();
      const inner = this.chain('or');
      if (this.text !== ')' || this.kind !== 5) throw new SyntaxError();
      this.next();
      return { ...inner, from, to: this.to };
    }
    if (this.kind === 2 && text !== 'NIL') {
      this.next();
      return { kind: 'literal', from, to: this.to };
    }
    if (this.kind !== 1) throw new SyntaxError();
    this.next();
    return this.test(text, from);
  }

  private test(field: string, from: number): Node {
    const op = this.text;
    if (this.kind !== 3) throw new SyntaxError();
    this.next();
    return this.constant(field, op, from);
  }

  private constant(field: string, op: string, from: number): Node {
    const { kind, text: c } = this;
    const value = kind === 2 ? (c === 'NIL' ? null : c === 'TRUE') : kind === 8 ? Number(c) : kind === 6 || kind === 7 ? c.slice(1, -1).replaceAll('\\' + c[0], c[0]!) : undefined;
    if (value === undefined || Number.isNaN(value) || (kind === 7) !== /~/.test(op)) throw new SyntaxError();
    this.next();
    return { kind: 'test', field, op, value, regexp: kind === 7, from, to: this.to };
  }
}

const names: Record<string, Op> = { '==': 'is', '!=': 'not', '<=': 'le', '>=': 'ge', '<': 'lt', '>': 'gt', '=~': 're', '!~': 'nre' };

function testOf(n: Leaf): Test {
  const exact = n.regexp ? unliteral(String(n.value)) : undefined;
  if (exact !== undefined && !quotable(exact)) return { field: n.field, op: n.op === '=~' ? 'is' : 'not', values: [exact] };
  return { field: n.field, op: names[n.op]!, values: [n.value] };
}

// together joins tests of one field with one operator.
function together(list: Node[], op: Op): Test | null {
  const tests = list.map((n) => (n.kind === 'test' ? testOf(n) : null));
  const first = tests[0];
  if (!first || !tests.every((t) => t?.field === first.field && t.op === op)) return null;
  return { field: first.field, op, values: tests.flatMap((t) => t!.values) };
}

function chipOf(n: Node, spec: string): Chip {
  const raw = { raw: spec.slice(n.from, n.to) };
  if (n.kind === 'test') {
    const test = testOf(n);
    return test.op === 'not' && isDynamic(test.field) && test.values[0] !== null ? raw : test;
  }
  if (n.kind !== 'or') return raw;
  const any = together(n.list, 'is');
  if (any) return any;
  const [absent, rest] = n.list;
  if (n.list.length !== 2 || absent!.kind !== 'test' || absent!.op !== '==' || absent!.value !== null) return raw;
  const none = together(rest!.kind === 'and' ? rest!.list : [rest!], 'not');
  return none && none.field === absent!.field && !none.values.includes(null) ? none : raw;
}

// chipsOf a spec; null when it is not a spec.
export function chipsOf(spec: string): Chip[] | null {
  if (!spec.trim()) return [];
  let root: Node;
  try {
    const reader = new Reader(spec);
    root = reader.chain('or');
    if (reader.kind >= 0) return null;
  } catch {
    return null;
  }
  if (root.kind === 'or' && !spec.trim().startsWith('(')) {
    const chip = chipOf(root, spec);
    return [isRaw(chip) ? { raw: `(${spec.trim()})` } : chip];
  }
  if (root.kind === 'or') {
    const chip = chipOf(root, spec), whole = root.from === spec.length - spec.trimStart().length && closes(spec.trim());
    return [isRaw(chip) && !whole ? { raw: `(${spec.trim()})` } : chip];
  }
  if (root.kind !== 'and') return [chipOf(root, spec)];
  const list: Chip[] = [];
  for (const n of flat(root)) {
    const chip = chipOf(n, spec), last = list[list.length - 1];
    if (!isRaw(chip) && chip.op === 'not' && !isDynamic(chip.field) && last && !isRaw(last) && last.op === 'not' && last.field === chip.field) last.values.push(...chip.values);
    else list.push(chip);
  }
  return list;
}

const flat = (n: Node): Node[] => (n.kind === 'and' ? n.list.flatMap(flat) : [n]);

// closes tells whether the first parenthesis closes at the very end.
function closes(spec: string): boolean {
  const reader = new Reader(spec);
  for (let depth = 0; reader.kind >= 0; reader.next()) {
    if (reader.kind === 5) depth += reader.text === '(' ? 1 : -1;
    if (depth === 0) {
      reader.next();
      return reader.kind < 0;
    }
  }
  return false;
}

// toggle adds a value to the chip of a field and an operator, or takes it away.
export function toggle(chips: readonly Chip[], field: string, op: 'is' | 'not', value: Value, on: boolean): Chip[] {
  const list = chips.map((c): Chip => (isRaw(c) ? c : { ...c, values: [...c.values] }));
  const found = list.find((c): c is Test => !isRaw(c) && c.field === field && c.op === op && (op === 'is' || !isDynamic(field) || c.values[0] !== null));
  if (found) found.values = on ? [...new Set([...found.values, value])] : found.values.filter((v) => v !== value);
  else if (on) list.push({ field, op, values: [value] });
  return list.filter((c) => isRaw(c) || c.values.length > 0);
}

// withTerm adds a condition to a spec; a value is then no longer in the chip that
// says the opposite. A spec that is not readable here stays as it is.
export function withTerm(spec: string, chip: Test): string {
  let chips = chipsOf(spec);
  if (!chips) return spec;
  const { op, field } = chip;
  if (op !== 'is' && op !== 'not') return specOf([...chips.filter((c) => isRaw(c) || c.field !== field || c.op !== op), chip]);
  for (const v of chip.values) chips = toggle(toggle(chips, field, op === 'is' ? 'not' : 'is', v, false), field, op, v, true);
  return specOf(chips);
}
