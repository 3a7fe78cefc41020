import type { Value } from './spec';
import { visible } from './text';
import type { Doc } from './types';

// A record, stored or live, in the words of a spec, and as text that is safe to show.

export interface Found {
  id: string;
  index: string;
  position: string;
  time: string;
  doc: Doc;
  exact: boolean;
}

const headers: Record<string, string> = {
  '@timestamp': 'Timestamp', 'host.name': 'Hostname', 'log.logger': 'Logger', 'event.dataset': 'Type', 'log.syslog.severity.code': 'Severity',
  'process.pid': 'Pid', 'event.id': 'Uuid', 'service.version': 'EnvVersion', message: 'Payload',
};
const keys = Object.fromEntries(Object.entries(headers).map(([key, name]) => [name, key]));

export interface Part {
  name: string; // as a spec names it, else the document's own key
  text: string;
  values: Value[]; // that a spec can compare with; none for what it does not know
}

// vague is a number that has lost digits when it was read; see parsed.
const vague = (v: unknown): boolean => Number.isInteger(v) && !Number.isSafeInteger(v);
const shown = (v: unknown): string => (typeof v === 'string' ? v : (vague(v) ? '≈ ' : '') + JSON.stringify(v));

// fieldKey is where the document has what a spec calls name. Names may have a ] in
// them, which no spec can say.
export const fieldKey = (name: string): string => keys[name] ?? name.replace(/^Fields\[(?:([^\]]+)\](?:\[\d+\])*|(.*)\])$/s, (_, said?: string, other?: string) => `heka.${said ?? other}`);
const words = (v: unknown): string => (v === undefined ? '' : Array.isArray(v) ? v.map(shown).join(', ') : shown(v));
export const cell = (doc: Doc, name: string): string => words(doc[fieldKey(name)]);

export const severity = (doc: Doc): number => (typeof doc['log.syslog.severity.code'] === 'number' ? (doc['log.syslog.severity.code'] as number) : 7);
export const payload = (doc: Doc): string => cell(doc, 'Payload');

// parts of a document: headers first, then dynamic fields, then what we added.
export function parts(doc: Doc): Part[] {
  const rank = (key: string) => (key in headers ? Object.keys(headers).indexOf(key) : key.startsWith('heka.') ? 100 : 200);
  return Object.keys(doc).filter((k) => k !== 'message' && k !== 'ecs.version').sort((a, b) => rank(a) - rank(b)).map((key) => {
    const v = doc[key];
    const name = headers[key] ?? (key.startsWith('heka.') ? `Fields[${key.slice(5)}]` : key);
    const known = key !== '@timestamp' && (key in headers || key.startsWith('heka.'));
    // A spec compares the first value of a field.
    const first: unknown = Array.isArray(v) ? v[0] : v;
    const plain = (typeof first === 'string' || typeof first === 'number' || typeof first === 'boolean') && !vague(first);
    return { name, text: words(v), values: known && plain ? [first as Value] : [] };
  });
}

// dynamicNames of the fields that some records have, by name.
export const dynamicNames = (records: readonly Found[]): string[] =>
  [...new Set(records.slice(0, 200).flatMap((r) => Object.keys(r.doc).filter((k) => k.startsWith('heka.')).map((k) => k.slice(5))))].sort();

// typed is a counted value, which comes as text, as records have it in that field;
// NaN when that is nothing that a spec can compare with.
export function typed(records: readonly Found[], field: string, text: string): Value {
  const key = fieldKey(field);
  for (const { doc } of records) {
    const values = [doc[key]].flat();
    const same = values.find((v) => shown(v) === text) ?? values[0];
    if (typeof same === 'number' || typeof same === 'object') return vague(Number(text)) ? NaN : Number(text);
    if (typeof same === 'boolean') return text === 'true';
    if (typeof same === 'string') return text;
  }
  return text;
}

export const severityNames = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'];
export const severityShort = ['EMERG', 'ALERT', 'CRIT', 'ERROR', 'WARN', 'NOTICE', 'INFO', 'DEBUG'];
export const severityName = (n: number): string => severityNames[n] ?? String(n);
export const severityTone = (n: number): 'e' | 'w' | '' => (n <= 3 ? 'e' : n === 4 ? 'w' : '');

export const LONGEST = 2048; // characters of a value in a list
export const inLine = (text: string): string => visible(text.length > LONGEST ? text.slice(0, LONGEST) + '…' : text).replace(/[\n\t]/g, (c) => (c === '\n' ? ' ⏎ ' : ' '));
