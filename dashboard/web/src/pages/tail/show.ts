import type { Doc } from '../../core/types';
import type { Line } from './ring';

// How a record becomes text. Records are hostile: control and direction
// characters are made visible.

const names = ['EMERG', 'ALERT', 'CRIT', 'ERROR', 'WARN', 'NOTICE', 'INFO', 'DEBUG'];

export interface Shown {
  severity: string; // –: unknown
  tone: string; // class of the stripe and the word
  host: string;
  logger: string;
  text: string; // without line ends at its end
}

const word = (v: unknown): string => (typeof v === 'string' ? v : v === undefined || v === null ? '' : String(v));

export function show(doc: Doc): Shown {
  const code = doc['log.syslog.severity.code'];
  const n = typeof code === 'number' ? code : -1;
  return {
    severity: names[n] ?? (n < 0 ? '–' : String(n)),
    tone: n < 0 || n > 4 ? '' : n <= 3 ? 'e' : 'w',
    host: visible(word(doc['host.name'])),
    logger: visible(word(doc['log.logger']) || word(doc['event.dataset'])),
    text: word(doc['message']).replace(/[\r\n]+$/, ''),
  };
}

// visible replaces what would not be seen, or would turn the text around.
export function visible(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (c) => {
    if (c === '\n') return '⏎';
    if (c === '\t') return '  ';
    const code = c.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : `‹${code.toString(16).toUpperCase().padStart(4, '0')}›`;
  });
}

// A wrapped record takes as many rows of the list as its text has parts.
export interface Part {
  line: number; // in the lines
  text: string | null; // null: not a record
  first: boolean;
  last: boolean;
}

const MOST = 60; // parts of one record

export function wrap(text: string, width: number): string[] {
  const parts: string[] = [];
  for (const one of text.split('\n')) {
    const clean = visible(one.replace(/\r$/, ''));
    for (let at = 0; at === 0 || at < clean.length; at += width) {
      if (parts.length === MOST - 1) return [...parts, '… open the row for the rest'];
      parts.push(clean.slice(at, at + width));
    }
  }
  return parts;
}

// parts of all lines; width in characters, 0: one part each.
export function parts(lines: readonly Line[], width: number): Part[] {
  const list: Part[] = [];
  lines.forEach((l, line) => {
    if (l.kind !== 'row') {
      list.push({ line, text: null, first: true, last: true });
      return;
    }
    const texts = width > 0 ? wrap(show(l.row.doc).text, width) : [''];
    texts.forEach((text, i) => list.push({ line, text, first: i === 0, last: i === texts.length - 1 }));
  });
  return list;
}

// where marks the place of an error in a text, counted in bytes as the server does.
export function where(text: string, offset: number): [before: string, at: string, after: string] {
  const bytes = new TextEncoder().encode(text);
  const before = new TextDecoder().decode(bytes.slice(0, Math.max(0, offset)));
  const rest = text.slice(before.length);
  const at = [...rest][0] ?? '';
  return [before, at, rest.slice(at.length)];
}
