import { defaults, type Settings } from '../../core/settings';

// Settings as JSON, to take to another browser. What comes in is a stranger's
// text: only known names with fitting values are taken. Pure.

export const ROWS = [1000, 5000, 20000] as const;

const seconds = (v: unknown) => v === null || (typeof v === 'number' && Number.isInteger(v) && v >= 1 && v <= 86400);
const numbers = (v: unknown) => typeof v === 'object' && v !== null && !Array.isArray(v) && Object.values(v).every((n) => typeof n === 'number' && Number.isFinite(n)) && Object.keys(v).length <= 5000;

const fits: { [K in keyof Settings]: (v: unknown) => boolean } = {
  theme: (v) => v === 'system' || v === 'light' || v === 'dark',
  density: (v) => v === 'normal' || v === 'compact',
  zone: (v) => v === 'local' || v === 'utc',
  rows: (v) => ROWS.includes(v as (typeof ROWS)[number]),
  shortcuts: (v) => typeof v === 'boolean',
  seenWarn: seconds,
  seenError: seconds,
  muted: numbers,
  baseline: numbers,
};

export interface Read {
  taken: Partial<Settings>;
  ignored: string[]; // names that are not known here, or values that do not fit
  error?: string; // it is nothing of the kind
}

export function read(text: string): Read {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (e) {
    return { taken: {}, ignored: [], error: `not JSON: ${(e as Error).message}` };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { taken: {}, ignored: [], error: 'not an object of settings' };
  const taken: Record<string, unknown> = {}, ignored: string[] = [];
  for (const [name, one] of Object.entries(value)) {
    if (Object.hasOwn(fits, name) && fits[name as keyof Settings]!(one)) taken[name] = one;
    else ignored.push(name);
  }
  const all = { ...defaults, ...taken } as Settings;
  if (all.seenWarn !== null && all.seenError !== null && all.seenWarn > all.seenError) return { taken: {}, ignored: [], error: 'seenWarn is later than seenError' };
  return { taken: taken as Partial<Settings>, ignored };
}

export const write = (s: Settings): string => JSON.stringify(s, null, 2) + '\n';
