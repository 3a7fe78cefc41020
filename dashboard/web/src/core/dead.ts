import { get, Problem } from './api';
import { live } from './live';
import { Store } from './store';
import { visible } from './text';

// Dead letters in numbers, for the Overview and the badge. They are counted by
// the server, which reads them all, so it is asked only now and then.

export interface Kind {
  group: string;
  sink: string;
  status: number;
  error_type: string;
  pattern: string;
  example: string;
  fingerprint: string;
  letters: number;
  bytes: number;
  first: string;
  last: string;
}

interface Summary {
  stream: string;
  letters: number;
  kinds: Kind[];
  others: number;
}

export interface Dead {
  at: number; // local ms
  held: number;
  oldest: number | null; // unix ms
  hour: number; // refused first within the last hour
  kinds: Kind[]; // of these, largest first
}

export const EVERY = 30; // seconds

export const dead = new Store<Dead | null>(null);
export const deadProblem = new Store<Problem | null>(null);

export function sum(all: Summary[], recent: Summary[], at: number): Dead {
  const first = all.flatMap((s) => s.kinds).map((k) => Date.parse(k.first)).filter((ms) => ms > 0);
  return {
    at,
    held: all.reduce((n, s) => n + s.letters, 0),
    oldest: first.length > 0 ? Math.min(...first) : null,
    hour: recent.reduce((n, s) => n + s.letters, 0),
    kinds: recent.flatMap((s) => s.kinds.map((k) => ({ ...k, error_type: visible(k.error_type), pattern: visible(k.pattern), example: visible(k.example) }))).sort((a, b) => b.letters - a.letters),
  };
}

export async function askDead(): Promise<void> {
  try {
    const all = await get<{ streams: Summary[] }>('dead');
    const any = all.streams.some((s) => s.letters > 0);
    const recent = any ? await get<{ streams: Summary[] }>('dead', { from: new Date(live.serverNow() - 3600_000).toISOString() }) : all;
    dead.set(sum(all.streams, recent.streams, live.now()));
    deadProblem.set(null);
  } catch (e) {
    if (!(e instanceof Problem)) throw e;
    deadProblem.set(e);
  }
}

export function watchDead(): void {
  const ask = () => {
    if (live.link.get().kind === 'live' && !document.hidden) void askDead();
  };
  live.link.on((link) => link.kind === 'live' && ask());
  setInterval(ask, EVERY * 1000);
}
