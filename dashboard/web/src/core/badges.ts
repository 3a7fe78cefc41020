import { dead } from './dead';
import { live } from './live';
import { Store } from './store';
import { tick } from './tick';

// The numbers beside pages in the rail, only for what is new and wants somebody:
// dead letters of the last hour, and outputs and groups over a threshold.

export interface Badge {
  n: number;
  tone: 'err' | 'warn';
  what: string;
}

export const badges = new Store<Record<string, Badge | undefined>>({});

function behind(now: number): number {
  const second = Math.floor(now / 1000);
  const late = new Set(live.series.of('Lag').filter((s) => s.threshold && (s.over(second - 6, second - 1, 'max') ?? 0) >= s.threshold.warn).map((s) => s.program)).size; // however many members
  const full = (live.consumers.get()?.value.streams ?? []).flatMap((s) => s.groups ?? []).filter((g) => g.limit > 0 && g.unacked >= g.limit).length;
  return Math.max(late, full);
}

export function startBadges(): void {
  tick.on((t) => {
    const letters = dead.get()?.hour ?? 0, groups = behind(t.server), shown = badges.get();
    if ((shown['dead']?.n ?? 0) === letters && (shown['consumers']?.n ?? 0) === groups) return;
    badges.set({ ...shown, dead: { n: letters, tone: 'err', what: 'in the last hour' }, consumers: { n: groups, tone: 'warn', what: 'behind' } });
  });
}
