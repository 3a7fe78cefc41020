import { settings } from './settings';
import { NONE } from './format';

// Times are unix milliseconds, shown in the zone of the settings.

const two = (n: number): string => String(n).padStart(2, '0');

function parts(ms: number, zone = settings.get().zone): { day: string; clock: string; fraction: string } {
  const d = new Date(ms);
  const [y, mo, da, h, mi, s] = zone === 'utc'
    ? [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate(), d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds()]
    : [d.getFullYear(), d.getMonth(), d.getDate(), d.getHours(), d.getMinutes(), d.getSeconds()];
  return { day: `${y}-${two(mo + 1)}-${two(da)}`, clock: `${two(h)}:${two(mi)}:${two(s)}`, fraction: String(d.getUTCMilliseconds()).padStart(3, '0') };
}

export const clock = (ms: number): string => (Number.isFinite(ms) ? parts(ms).clock : NONE); // 14:20:03
export const clockMinutes = (ms: number): string => (Number.isFinite(ms) ? parts(ms).clock.slice(0, 5) : NONE); // 14:20
export const clockMillis = (ms: number): string => (Number.isFinite(ms) ? `${parts(ms).clock}.${parts(ms).fraction}` : NONE); // 14:20:03.120
export const day = (ms: number): string => (Number.isFinite(ms) ? parts(ms).day : NONE); // 2026-11-20

// exact: 2026-11-20 14:20:03.120 UTC, for hovers and copies.
export function exact(ms: number): string {
  if (!Number.isFinite(ms)) return NONE;
  const p = parts(ms);
  return `${p.day} ${p.clock}.${p.fraction} ${zoneName(ms)}`;
}

// moment: 14:20:03 today, 2026-11-19 14:20:03 on any other day.
export function moment(ms: number, now: number): string {
  if (!Number.isFinite(ms)) return NONE;
  return parts(ms).day === parts(now).day ? clock(ms) : `${day(ms)} ${clock(ms)}`;
}

// minute is the moment without seconds.
export const minute = (ms: number, now: number): string => moment(ms, now).replace(/:\d\d$/, '');

// offset of the shown zone from UTC, in minutes.
export const offset = (ms: number): number => (settings.get().zone === 'utc' ? 0 : -new Date(ms).getTimezoneOffset());

export function zoneName(ms = Date.now()): string {
  const minutes = offset(ms);
  if (minutes === 0) return 'UTC';
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? '−' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

// age of something seen s seconds ago: now, 4 s ago, 4 min ago.
export function age(seconds: number): string {
  if (!Number.isFinite(seconds)) return NONE;
  const s = Math.max(0, Math.floor(seconds));
  if (s < 2) return 'now';
  if (s < 120) return `${s} s ago`;
  if (s < 7200) return `${Math.floor(s / 60)} min ago`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86400)} d ago`;
}

// parse what the server writes as RFC 3339; null stays null.
export function parse(at: string | null | undefined): number | null {
  if (!at) return null;
  const ms = Date.parse(at);
  return Number.isFinite(ms) ? ms : null;
}
