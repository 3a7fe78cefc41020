import { useMemo } from 'preact/hooks';
import { clockMinutes, day, zoneName } from '../../core/time';
import { route, setParams } from '../../core/url';
import { useStore } from '../../core/store';
import type { Box } from './words';

// What is asked for, as it is in the URL.

export interface Span {
  from: number | null; // unix ms, null: no bound
  to: number | null;
}

export const presets = [['5m', 300, '5 minutes'], ['15m', 900, '15 minutes'], ['1h', 3600, 'hour'], ['6h', 21600, '6 hours'], ['24h', 86400, '24 hours'], ['7d', 604800, '7 days']] as const;
export const DEFAULT_RANGE = '15m';
export const ALL = 'all';

// spanOf a range: 15m stays relative to now, 1795184400000-1795185300000 is fixed.
export function spanOf(range: string, now: number): Span {
  if (range === ALL) return { from: null, to: null };
  const fixed = /^(\d{1,15})-(\d{1,15})$/.exec(range);
  if (fixed && Number(fixed[2]) > Number(fixed[1])) return { from: Number(fixed[1]), to: Number(fixed[2]) };
  const seconds = presets.find(([name]) => name === range)?.[1] ?? 900;
  return { from: now - seconds * 1000, to: now };
}

export const fixedRange = (from: number, to: number): string => `${Math.floor(from)}-${Math.max(Math.floor(from) + 1, Math.ceil(to))}`;

export function rangeWords(range: string): string {
  if (range === ALL) return 'All time';
  if (/-/.test(range)) return 'Fixed range';
  return `Last ${(presets.find(([name]) => name === range) ?? presets[1])[2]}`;
}

export function spanWords({ from, to }: Span): string {
  if (from === null || to === null) return '';
  const days = day(from) !== day(to) ? [`${day(from)} `, `${day(to)} `] : ['', ''];
  return `${days[0]}${clockMinutes(from)} – ${days[1]}${clockMinutes(to)} ${zoneName(to)}`;
}

// step is the next longer (+1) or shorter (-1) preset.
export function step(range: string, by: 1 | -1): string {
  const names: string[] = [...presets.map(([name]) => name), ALL];
  const i = names.indexOf(range);
  return i < 0 ? DEFAULT_RANGE : names[Math.max(0, Math.min(names.length - 1, i + by))]!;
}

export const COLUMNS = ['Hostname', 'Logger'];
const names = (text: string): string[] => (text === '' ? [] : text.split(',').map(decodeURIComponent));
export const parseColumns = (text: string): string[] => (text === '' ? COLUMNS : text === '-' ? [] : names(text));
export const formatColumns = (list: readonly string[]): string | null => (list.join() === COLUMNS.join() ? null : list.length ? list.map(encodeURIComponent).join(',') : '-');

export interface Query extends Box {
  q: string;
  range: string;
  columns: string[];
  wrap: boolean;
  row: string; // id of the open record
  fields: string[]; // Fields[…] whose values are counted
}

export function readQuery(query: string): Query {
  const p = new URLSearchParams(query);
  let columns = COLUMNS, fields: string[] = [];
  try {
    columns = parseColumns(p.get('cols') ?? '');
    fields = names(p.get('fields') ?? '').map((name) => `Fields[${name}]`);
  } catch { /* not ours */ }
  const on = (name: string) => p.get(name) === '1';
  const text = (p.get('text') ?? '').replace(/[\r\n\0]+/g, ' '); // which a box cannot hold, nor a spec
  return { fields, q: p.get('q') ?? '', text, matchCase: on('case'), inside: on('inside'), regexp: on('regexp'), range: p.get('range') ?? DEFAULT_RANGE, columns, wrap: on('wrap'), row: p.get('row') ?? '' };
}

const toggles = [['matchCase', 'case'], ['inside', 'inside'], ['regexp', 'regexp']] as const;

export function useQuery(): Query {
  const { query } = useStore(route);
  return useMemo(() => readQuery(query), [query]);
}

// change of what is asked for is a step in the browser's history; how it is shown is not.
export function change(part: Partial<Query>): void {
  const params: Record<string, string | null> = {};
  if (part.q !== undefined) params['q'] = part.q;
  if (part.text !== undefined) params['text'] = part.text;
  for (const [key, name] of toggles) if (part[key] !== undefined) params[name] = part[key] ? '1' : null;
  if (part.range !== undefined) params['range'] = part.range === DEFAULT_RANGE ? null : part.range;
  if (part.columns) params['cols'] = formatColumns(part.columns);
  if (part.wrap !== undefined) params['wrap'] = part.wrap ? '1' : null;
  if (part.row !== undefined) params['row'] = part.row;
  if (part.fields) params['fields'] = part.fields.map((f) => encodeURIComponent(f.slice(7, -1))).join(',') || null;
  const asks = ['q', 'text', 'range', ...toggles.map(([, name]) => name)].some((name) => name in params);
  if (asks) params['row'] ??= null;
  setParams(params, !asks);
}
