import type { Problem } from '../../core/api';
import { chipsOf, delimited, escaped, textOf } from '../../core/spec';

// The search box. By itself its text is words, which the server finds whole, in any
// order and case, by its index. With the toggles it is one term of the match spec or
// several, so that every store, the tail and an export mean the same by it.

export interface Box {
  text: string;
  matchCase: boolean;
  inside: boolean; // not only whole words: pieces between blanks, wherever they stand
  regexp: boolean; // RE2; inside does not matter then
}

// Words as the server cuts them: runs of letters and digits.
const WORD = /[\p{L}\p{Nd}]+/gu, OTHER = '[^\\pL\\p{Nd}]';
const unique = (list: readonly string[] | null): string[] => [...new Set(list ?? [])];
const wordsOf = (text: string): string[] => unique(text.match(WORD));
const piecesOf = (text: string): string[] => unique(text.match(/\S+/g));

const hasCase = (text: string): boolean => text.toLowerCase() !== text.toUpperCase();
const folding = (b: Box): string => (b.matchCase ? '' : '(?i)');

// An expression in a spec cannot end in a backslash, which would take the closing
// slash for text. A whole escape at the end is written in another way, but for inside
// of \Q, where there is none; half of one is a mistake. What is left is a spec that is
// not closed, which the server refuses.
const halfEscape = (text: string): boolean => /^(?:[^\\]|\\[^])*\\$/.test(text);
const quotes = (text: string): boolean => /^(?:[^\\]|\\[^Q])*\\Q/.test(text);
const closable = (text: string): string => (halfEscape(text) || quotes(text) ? text : text.replace(/\\\\$/, '\\x5c'));
const term = (expression: string): string => `Payload =~ ${delimited(closable(expression), '/')}`;

function termsOf(b: Box): string[] {
  if (b.regexp) return b.text === '' ? [] : [term(folding(b) + b.text)];
  if (b.inside) return piecesOf(b.text).map((piece) => term((hasCase(piece) ? folding(b) : '') + escaped(piece)));
  return b.matchCase ? wordsOf(b.text).filter(hasCase).map((word) => term(`(^|${OTHER})${word}(${OTHER}|$)`)) : [];
}

export interface Asked {
  q: string;
  text: string;
}

// asked is what the box and a spec come to. Words stay words where their index can
// narrow the search.
export function asked(b: Box & { q: string }): Asked {
  const text = b.regexp || b.inside ? '' : b.text, terms = termsOf(b);
  return { q: terms.length ? front(b.q) + terms.join(' && ') : b.q, text };
}

// front of a spec before its terms. What cannot be read here is left to the server.
function front(q: string): string {
  const conditions = chipsOf(q)?.map(textOf) ?? [`(${q})`];
  return conditions.map((c) => `${c} && `).join('');
}

const bytes = (text: string): number => new TextEncoder().encode(text).length;

export interface Mistake {
  at: number | null; // in the text of the box; null: all of it
  message: string;
}

// mistakeIn the box that a problem is about, in the server's words; null when the
// problem is about something else.
export function mistakeIn(b: Box & { q: string }, { parameter, detail, offset = 0 }: Problem): Mistake | null {
  if (parameter === 'text') return { at: null, message: detail };
  const terms = termsOf(b), start = bytes(front(b.q));
  if (parameter !== 'q' || !terms.length || offset < start || chipsOf(b.q) === null) return null;
  const message = detail.split('\n')[0]!.replace(/^.*?byte \d+: /, '').replace(': (?i)', ': ');
  if (!b.regexp) return { at: null, message };
  if (halfEscape(b.text)) return { at: b.text.length - 1, message: 'trailing backslash at end of expression' };
  const before = new TextDecoder().decode(new TextEncoder().encode(terms[0]).slice('Payload =~ /'.length, Math.max(0, offset - start)));
  return { at: Math.min(b.text.length, before.slice(folding(b).length).replaceAll('\\/', '/').length), message };
}

// hits is what to mark in a payload: the words or pieces, and those with nothing but
// blanks between them as one. Of expressions only plain texts and choices of them can
// be marked: the browser's own expressions are others, and some of them never end.
export function hits(b: Box): RegExp | null {
  const list = !b.regexp ? (b.inside ? piecesOf : wordsOf)(b.text) : /[\\.+*?()[\]{}^$]/.test(b.text) ? [] : unique(b.text.split('|')).filter(Boolean);
  if (!list.length) return null;
  const any = `(?:${list.sort((x, y) => y.length - x.length).map(escaped).join('|')})`;
  const whole = b.regexp || b.inside ? any : `(?<![\\p{L}\\p{Nd}])${any}(?![\\p{L}\\p{Nd}])`;
  return new RegExp(b.regexp ? `(${whole})` : `(${whole}(?:\\s+${whole})*)`, b.matchCase ? 'gu' : 'giu');
}

// marked cuts a text into stretches, those at odd places being hits.
export const marked = (text: string, found: RegExp | null): string[] => (found ? text.split(found) : [text]);
