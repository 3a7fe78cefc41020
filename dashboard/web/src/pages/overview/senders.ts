import type { Origin, SeriesStore } from '../../core/series';

export interface Sender extends Origin {
  key: string;
  rate: number | null; // msg/s
  seen: number; // unix seconds of the newest event
}

// senders by name, group and address. One whose metrics come partly
// without an address is one sender while it has one address only.
export function senders(store: SeriesStore, now: number): Sender[] {
  const addresses = new Map<string, Set<string>>();
  for (const s of store.list()) if (s.ip) addresses.set(s.program, (addresses.get(s.program) ?? new Set()).add(s.ip));
  const found = new Map<string, Sender>();
  for (const s of store.list()) {
    const known = addresses.get(s.program);
    if (!s.ip && known && known.size > 1) continue; // whose it is cannot be told, and each has its own
    const ip = s.ip || (known ? [...known][0]! : '');
    const key = `${s.program}\n${ip}`;
    const one = found.get(key) ?? { key, sender: s.sender, ip, group: s.group, rate: null, seen: 0 };
    found.set(key, one);
    one.seen = Math.max(one.seen, s.seen() ?? 0);
    if (s.type === 'Throughput' || (s.type === 'Delivered' && !store.reportedBy('Throughput', s.sender))) {
      const rate = s.over(Math.floor(now) - 6, Math.floor(now) - 1);
      if (rate !== null) one.rate = (one.rate ?? 0) + rate;
    }
  }
  return [...found.values()].filter((s) => s.seen > 0).sort((a, b) => Number(now - b.seen > 10) - Number(now - a.seen > 10) || a.sender.localeCompare(b.sender) || a.key.localeCompare(b.key));
}
