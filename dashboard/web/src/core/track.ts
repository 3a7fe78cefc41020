import { live } from './live';
import { Ring } from './series';
import type { Books } from './types';

// What only follows from several snapshots of the ledger: how pending moves, and
// for how many of them a difference has stood. It begins when the page is opened.

export class Track {
  readonly pending = new Ring(5, 4320); // records of all groups, six hours
  private readonly groups = new Map<string, { pending: Ring; done: Ring; differs: number }>();

  take(books: Books, second: number): void {
    let sum = 0;
    for (const stream of books.streams ?? []) {
      for (const g of stream.groups ?? []) {
        const key = `${stream.stream}/${g.group}`;
        let group = this.groups.get(key);
        if (!group) this.groups.set(key, (group = { pending: new Ring(5, 120), done: new Ring(5, 120), differs: 0 }));
        if (g.state !== 'unknown') {
          sum += g.pending;
          group.pending.put(second, g.pending);
          group.done.put(second, g.delivered + g.filtered + g.dead);
        }
        group.differs = g.state === 'difference' ? group.differs + 1 : 0;
      }
    }
    this.pending.put(second, sum);
  }

  // differs for how many snapshots in a row.
  differs(key: string): number {
    return this.groups.get(key)?.differs ?? 0;
  }

  // slope of a group's pending in records per second over about a minute, and
  // how much it has settled per second; null while that is not known.
  slope(key: string, second: number): { pending: number; settled: number } | null {
    const group = this.groups.get(key);
    const now = group?.pending.newest();
    if (!group || now === null || now === undefined || second - now > 30) return null;
    for (let s = now - 60; s < now - 10; s += 5) {
      const before = group.pending.at(s), done = group.done.at(s);
      if (before !== null && done !== null) return { pending: (group.pending.at(now)! - before) / (now - s), settled: (group.done.at(now)! - done) / (now - s) };
    }
    return null;
  }
}

export const track = new Track();

export function startTracking(): void {
  live.ledger.on((books) => {
    if (books && !books.value.error) track.take(books.value, Math.floor(live.serverNow() / 1000));
  });
}

// grows tells whether pending rose in each of the last five minutes, by how much
// a second.
export function grows(pending: Ring, second: number): number | null {
  const at = (s: number) => pending.at(s) ?? pending.at(s - 5) ?? pending.at(s - 10);
  const values = [300, 240, 180, 120, 60, 0].map((ago) => at(second - ago));
  for (let i = 1; i < values.length; i++) {
    if (values[i] === null || values[i - 1] === null || values[i]! <= values[i - 1]!) return null;
  }
  return (values[5]! - values[0]!) / 300;
}
