import type { Audit, Group, Stream } from '../../core/types';

// What the page says of a pause before and after. Pure.

// lengths of a pause: seconds, in words, and as a command has it.
export const lengths = [['900', '15 min', '15m'], ['3600', '1 h', '1h'], ['21600', '6 h', '6h'], ['86400', '24 h', '24h']] as const;
export type Length = (typeof lengths)[number][0];

// fills is in how many seconds a stream is full of what a group has not settled
// when it gets nothing any more and rate blocks a second are stored; Infinity when
// it does not come to that, null when that is not known.
export function fills(s: Stream, g: Group, rate: number | null): number | null {
  if (s.max_bytes <= 0) return Infinity;
  const mean = s.messages > 0 ? s.bytes / s.messages : 0;
  const blocks = g.ack_floor > 0 ? s.last - g.ack_floor : g.pending + g.unacked; // a group need not begin with the first
  const held = mean * Math.min(s.messages, Math.max(0, blocks));
  if (held >= s.max_bytes * 0.9) return 0; // as the server has it
  if (rate === null || (rate > 0 && mean === 0)) return s.left_s;
  return Math.min(rate > 0 ? (s.max_bytes - held) / (rate * mean) : Infinity, s.left_s ?? Infinity);
}

const filter = (a: Audit): { group?: unknown; until?: unknown } => a.filter ?? {};

// lastPause of a group that is on record, and how it was ended, if by hand.
export function lastPause(list: readonly Audit[], stream: string, group: string): { pause: Audit; until: number; resume: Audit | null } | null {
  let resume: Audit | null = null;
  for (const a of list) { // newest first
    if (a.state !== 'done' || a.stream !== stream || filter(a).group !== group) continue;
    if (a.action === 'pause') return { pause: a, until: Date.parse(String(filter(a).until)), resume };
    if (a.action === 'resume') resume = a;
  }
  return null;
}
