import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { get, Problem, type Params } from '../core/api';
import { live } from '../core/live';

export interface Asked<T> {
  value: T | null;
  at: number | null; // local ms of the answer
  problem: Problem | null;
  again: () => void;
}

// useAsked asks when its parameters change, and every so many seconds while the
// page is seen and connected. An answer that is no longer wanted is dropped.
export function useAsked<T>(path: string | null, params: Params, every = 0): Asked<T> {
  const [state, set] = useState<{ key: string; value: T | null; at: number | null; problem: Problem | null }>({ key: '', value: null, at: null, problem: null });
  const key = `${path}?${JSON.stringify(params)}`;
  const latest = useRef({ path, params, key });
  latest.current = { path, params, key };
  const pending = useRef<AbortController | null>(null);
  const again = useCallback(() => {
    const wanted = latest.current;
    pending.current?.abort();
    if (wanted.path === null) return;
    const asking = pending.current = new AbortController();
    get<T>(wanted.path, wanted.params, asking.signal).then(
      (value) => !asking.signal.aborted && set({ key: wanted.key, value, at: live.now(), problem: null }),
      (e: unknown) => {
        if (asking.signal.aborted) return;
        if (!(e instanceof Problem)) throw e;
        set((s) => ({ ...(s.key === wanted.key ? s : { value: null, at: null }), key: wanted.key, problem: e }));
      },
    );
  }, []);
  useEffect(() => {
    again();
    if (!every) return () => pending.current?.abort();
    const timer = setInterval(() => !document.hidden && live.link.get().kind === 'live' && again(), every * 1000);
    return () => {
      clearInterval(timer);
      pending.current?.abort();
    };
  }, [key, every]);
  const current = state.key === key;
  return { value: current ? state.value : null, at: current ? state.at : null, problem: current ? state.problem : null, again };
}
