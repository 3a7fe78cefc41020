import { outputs, receivers } from '../../core/flow';
import type { Origin, SeriesStore } from '../../core/series';

export interface Sender extends Origin {
  key: string;
  rate: number | null; // msg/s
  seen: number; // unix seconds of the newest event
}

// senders by name, group and address, those that are silent first.
export function senders(store: SeriesStore, now: number): Sender[] {
  const rates = new Map([...receivers(store), ...outputs(store)].map((s) => [s.source, s.over(Math.floor(now) - 6, Math.floor(now) - 1)]));
  const found = new Map<string, Sender>();
  for (const s of store.list()) {
    const one = found.get(s.source) ?? { key: s.source, sender: s.sender, ip: s.ip, group: s.group, rate: rates.get(s.source) ?? null, seen: 0 };
    found.set(s.source, one);
    one.seen = Math.max(one.seen, s.seen() ?? 0);
  }
  return [...found.values()].filter((s) => s.seen > 0).sort((a, b) => Number(now - b.seen > 10) - Number(now - a.seen > 10) || a.sender.localeCompare(b.sender) || a.key.localeCompare(b.key, undefined, { numeric: true }));
}
