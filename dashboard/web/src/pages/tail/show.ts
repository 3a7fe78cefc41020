import { cell, payload, severity, severityShort, severityTone } from '../../core/record';
import { visible } from '../../core/text';
import type { Doc } from '../../core/types';
import type { Line } from './ring';

// How a live record becomes rows of text. Pure.

export interface Shown {
  severity: string;
  tone: string; // class of the stripe and the word
  host: string;
  logger: string;
  text: string; // without line ends at its end
}

export function show(doc: Doc): Shown {
  const level = severity(doc);
  return {
    severity: severityShort[level] ?? String(level), tone: severityTone(level),
    host: visible(cell(doc, 'Hostname')), logger: visible(cell(doc, 'Logger') || cell(doc, 'Type')), text: payload(doc).replace(/[\r\n]+$/, ''),
  };
}

// A wrapped record takes as many rows of the list as its text has parts.
export interface Part {
  line: number; // in the lines
  text: string | null; // null: the line is shown as a whole
  first: boolean;
  last: boolean;
}

const MOST = 60; // parts of one record

export function wrap(text: string, width: number): string[] {
  const parts: string[] = [];
  for (const one of text.split('\n')) {
    const clean = visible(one.replace(/\r$/, '')).replace(/\t/g, '  ');
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
    const texts = width > 0 ? [...wrap(show(l.row.doc).text, width), ...(l.row.cut ? ['… cut'] : [])] : [null];
    texts.forEach((text, i) => list.push({ line, text, first: i === 0, last: i === texts.length - 1 }));
  });
  return list;
}

// neighbour is the record by so many records after (or before) the one with an id,
// or from the end where there is none; null when there are no records.
export function neighbour(lines: readonly Line[], id: number, by: 1 | -1): number | null {
  const rows = lines.filter((l) => l.kind === 'row');
  const at = rows.findIndex((l) => l.id === id);
  return (at < 0 ? rows.at(-1) : rows[Math.max(0, Math.min(rows.length - 1, at + by))])?.id ?? null;
}

// where marks the place of an error in a text, counted in bytes as the server does.
export function where(text: string, offset: number): [before: string, at: string, after: string] {
  const bytes = new TextEncoder().encode(text);
  const before = new TextDecoder().decode(bytes.slice(0, Math.max(0, offset)));
  const rest = text.slice(before.length);
  const at = [...rest][0] ?? '';
  return [before, at, rest.slice(at.length)];
}
