import { live } from '../core/live';
import type { Consumers } from '../core/types';

// How fast streams grow, which only follows from having listened: it begins when a
// page that shows it is loaded.

const KEPT = 60_000; // ms

// Growth of streams in blocks per second, over the last minute of snapshots.
export class Growth {
  private seen = new Map<string, { at: number; last: number }[]>();

  take(c: Consumers): void {
    const at = Date.parse(c.at);
    if (!Number.isFinite(at) || c.error) return;
    for (const s of c.streams ?? []) {
      const list = this.seen.get(s.name) ?? [];
      const newest = list.at(-1);
      if (newest && newest.at >= at) continue;
      if (newest && s.last < newest.last) list.length = 0; // made anew
      list.push({ at, last: s.last });
      while (list.length > 2 && list[1]!.at <= at - KEPT) list.shift();
      this.seen.set(s.name, list);
    }
  }

  rate(stream: string, now: number): number | null {
    const list = this.seen.get(stream) ?? [];
    const first = list[0], last = list.at(-1);
    if (!first || !last || last.at - first.at < 4000 || now - last.at > 20_000) return null;
    return ((last.last - first.last) * 1000) / (last.at - first.at);
  }
}

export const growth = new Growth();
live.consumers.on((c) => c && growth.take(c.value));
const there = live.consumers.get();
if (there) growth.take(there.value);
