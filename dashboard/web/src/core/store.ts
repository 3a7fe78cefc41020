import { useEffect, useReducer } from 'preact/hooks';

// A value with listeners: all the state management there is.
export class Store<T> {
  private listeners = new Set<(value: T) => void>();
  constructor(private value: T) {}

  get(): T {
    return this.value;
  }

  set(value: T): void {
    if (Object.is(value, this.value)) return;
    this.value = value;
    for (const tell of [...this.listeners]) tell(value);
  }

  // on returns what ends it.
  on(listener: (value: T) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}

// The value, and a new rendering whenever it changes.
export function useStore<T>(store: Store<T>): T {
  const [, again] = useReducer((n: number) => n + 1, 0);
  const shown = store.get();
  useEffect(() => {
    if (!Object.is(store.get(), shown)) again(0); // changed between rendering and here
    return store.on(() => again(0));
  }, [store]);
  return shown;
}
