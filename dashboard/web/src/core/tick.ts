import { useMemo } from 'preact/hooks';
import { live } from './live';
import { Store, useStore } from './store';

// Everything that moves moves with the tick, once a second, so that a page is
// drawn at most so often and Pause stops all of it at once. A hidden tab has no
// ticks.

export interface Tick {
  n: number;
  now: number; // local unix ms
  server: number; // the server's clock, unix ms
}

const make = (n: number): Tick => ({ n, now: live.now(), server: live.serverNow() });

export const tick = new Store<Tick>(make(0));
export const paused = new Store(false);

function step(): void {
  if (!paused.get() && !document.hidden) tick.set(make(tick.get().n + 1));
}

// soon gives an extra tick, when something came that must not wait: first data,
// or a change of the connection.
let waiting = false;
export function soon(): void {
  if (waiting) return;
  waiting = true;
  setTimeout(() => {
    waiting = false;
    step();
  }, 100);
}

export function startTicking(): () => void {
  const timer = setInterval(step, 1000);
  const ends = [
    live.link.on(soon), live.ledger.on((v) => v && tick.get().n < 10 && soon()), live.consumers.on((v) => v && tick.get().n < 10 && soon()), live.boot.on(soon),
    paused.on((on) => on || soon()),
  ];
  const seen = () => {
    live.setHidden(document.hidden);
    if (!document.hidden) soon();
  };
  document.addEventListener('visibilitychange', seen);
  return () => {
    clearInterval(timer);
    ends.forEach((end) => end());
    document.removeEventListener('visibilitychange', seen);
  };
}

export const useTick = (): Tick => useStore(tick);

// useAtTick computes from live data once a tick (and when deps change), so a
// paused page keeps what it shows.
export function useAtTick<T>(compute: (t: Tick) => T, deps: readonly unknown[] = []): T {
  const t = useTick();
  return useMemo(() => compute(t), [t, ...deps]);
}
