import { Problem } from '../../core/api';
import { visible } from '../../core/text';
import { parse } from '../../core/time';
import type { Audit, Counts } from '../../core/types';

// What the API says of dead letters, and what the page asks of it.

export interface Kind {
  group: string;
  fingerprint: string;
  sink: string;
  status: number;
  error_type: string;
  pattern: string;
  example: string;
  letters: number;
  bytes: number;
  first: string;
  last: string;
  attempts: number;
}

export interface Summary {
  stream: string;
  letters: number;
  kinds: Kind[];
  others: number;
}

export interface Letter {
  subject: string;
  group: string;
  position: string;
  epoch: string;
  sink: string;
  status: number;
  error_type: string;
  reason: string;
  fingerprint: string;
  id?: string;
  first: string;
  last: string;
  attempts: number;
  bytes: number;
  hostname?: string; // in lists
  payload?: string; // its beginning
  record?: Record<string, unknown>;
  frame?: string; // base64
}

export interface Page {
  stream: string;
  entries: Letter[];
  next?: number;
}

export interface Selection {
  stream: string;
  group: string;
  reason: string; // fingerprint
  match: string;
  from: string; // RFC 3339
  to: string;
}

export type Row = Kind & { stream: string };

// rows of all streams, the most frequent first.
export const rows = (list: readonly Summary[]): Row[] =>
  list.flatMap((s) => s.kinds.map((k) => ({ ...k, stream: s.stream }))).sort((a, b) => b.letters - a.letters);

// Part is what one group's far end refused, whatever the reasons.
export interface Part {
  stream: string;
  group: string;
  sink: string;
  reasons: number;
  letters: number;
  bytes: number;
  attempts: number;
  first: number | null; // unix ms
  last: number | null;
}

// byGroup adds the rows of each group up, the one with most letters first.
export function byGroup(list: readonly Row[]): Part[] {
  const parts = new Map<string, Part>();
  for (const k of list) {
    const first = parse(k.first), last = parse(k.last), key = `${k.stream} ${k.group}`, p = parts.get(key);
    parts.set(key, p
      ? { ...p, reasons: p.reasons + 1, letters: p.letters + k.letters, bytes: p.bytes + k.bytes, attempts: Math.max(p.attempts, k.attempts), first: extreme(Math.min, p.first, first), last: extreme(Math.max, p.last, last) }
      : { stream: k.stream, group: k.group, sink: k.sink, reasons: 1, letters: k.letters, bytes: k.bytes, attempts: k.attempts, first, last });
  }
  return [...parts.values()].sort((a, b) => b.letters - a.letters);
}

const extreme = (of: (a: number, b: number) => number, a: number | null, b: number | null): number | null => (a === null || b === null ? a ?? b : of(a, b));

export const streamOf = (list: readonly Summary[], wanted: string): string => {
  if (wanted) return wanted;
  const full = list.filter((s) => s.letters > 0);
  return (full[0] ?? list[0])?.stream ?? '';
};

// period gives from for "the last …"; seconds, '' is all time.
export const period = (last: string, server: number): string => (Number(last) > 0 ? new Date(server - Number(last) * 1000).toISOString() : '');

// Only the digits of the count make a drop of more than 100 letters possible.
export const CAREFUL = 100;
export const confirmed = (action: 'replay' | 'drop', selected: number, typed: string): boolean =>
  selected > 0 && (action === 'replay' || selected <= CAREFUL || typed.replace(/[\s,.]/g, '') === String(selected));

// runs are one entry for each action on letters: its end when there is one, and when
// it began. Pauses of groups are told where the groups are.
export function runs(list: readonly Audit[]): (Audit & { began: string })[] {
  const by = new Map<string, Audit & { began: string }>();
  for (const a of list) { // newest first
    if (a.action === 'pause' || a.action === 'resume') continue;
    const known = by.get(a.run);
    if (known) known.began = a.state === 'begun' ? a.time : known.began;
    else by.set(a.run, { ...a, began: a.time });
  }
  return [...by.values()];
}

// stopped: whoever asked for it went away, or pressed Stop.
export const stopped = (a: Audit): boolean => a.state === 'failed' && (a.error ?? '').includes('context canceled');

const part = (name: string, v: unknown): string =>
  name === 'subjects' && Array.isArray(v) ? `${v.length === 1 ? 'the letter' : `${v.length} chosen letters, from`} ${String(v[0]).split('.').slice(-2).join('.')}${v.length > 1 ? ' on' : ''}` : `${name} ${visible(String(v))}`;

export const told = (filter: Audit['filter']): string =>
  Object.entries(filter ?? {}).filter(([, v]) => v !== '' && v !== null).map(([name, v]) => part(name, v)).join(', ') || 'all letters';

// reasonWords of a refusal; not every far end names the kind of its error.
export const reasonWords = (errorType: string, reason: string): string => [errorType, reason].filter(Boolean).join(': ') || 'no reason given';

export const MOST_CHOSEN = 1000; // letters by hand, as the server takes them

// chosen is a choice with some more, or some less.
export function chosen(before: ReadonlySet<string>, subjects: readonly string[], on: boolean): Set<string> {
  const next = new Set(before);
  for (const s of subjects) on ? next.add(s) : next.delete(s);
  return next;
}

// bytesOf a base64 text.
export const bytesOf = (base64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

// hex is lines as hexdump -C writes them.
export function hex(data: Uint8Array, most = 4096): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(data.length, most); at += 16) {
    const part = [...data.subarray(at, Math.min(at + 16, most))];
    const digits = part.map((b) => b.toString(16).padStart(2, '0'));
    const text = part.map((b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : '.')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${digits.slice(0, 8).join(' ').padEnd(23)}  ${digits.slice(8).join(' ').padEnd(23)}  ${text}`);
  }
  if (data.length > most) lines.push(`… ${data.length - most} more bytes`);
  return lines.join('\n');
}

// Step of a change: counted first, then confirmed, then done.
export type Step =
  | { kind: 'counting' }
  | { kind: 'counted'; counts: Counts }
  | { kind: 'running'; counts: Counts; total: number }
  | { kind: 'ended'; counts: Counts | null; problem: Problem | null; stopped: boolean };

// line takes one line of the answer; null when it is none of ours.
export function line(value: unknown): { counts: Counts; last: boolean } | { problem: Problem; counts: Counts | null } | null {
  if (typeof value !== 'object' || value === null) return null;
  if ('problem' in value) {
    const doc = value.problem as { done?: Counts };
    return { problem: new Problem(value.problem as object), counts: doc.done ?? null };
  }
  if ('result' in value) return { counts: value.result as Counts, last: true };
  return 'selected' in value ? { counts: value as Counts, last: false } : null;
}
