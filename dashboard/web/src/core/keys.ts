import { useEffect, useRef } from 'preact/hooks';
import { settings } from './settings';

// Single-key shortcuts. They are off while typing, with Ctrl, Alt or Meta, while
// a dialog is open, and when the settings say so. Nothing destructive has one.

interface Shortcut {
  keys: string; // 'j', 'Space', 'g o'
  what: string;
  run(e: KeyboardEvent): void;
}

const known: Shortcut[] = [];
let prefix = '';
let prefixAt = 0;

export const shortcuts = (): readonly { keys: string; what: string }[] => known;

export function isTyping(target: EventTarget | null): boolean {
  const el = target as HTMLElement | null;
  if (!el?.tagName) return false;
  return el.isContentEditable || /^(TEXTAREA|SELECT)$/.test(el.tagName) || (el.tagName === 'INPUT' && !/^(checkbox|radio|button|submit|range)$/.test((el as HTMLInputElement).type));
}

const name = (e: KeyboardEvent): string => (e.key === ' ' ? 'Space' : e.key);

export function press(e: KeyboardEvent, now: number): void {
  if (e.defaultPrevented || e.ctrlKey || e.altKey || e.metaKey || !settings.get().shortcuts) return;
  const key = name(e), target = e.target as HTMLElement | null;
  if (key !== 'Escape' && isTyping(target)) return;
  if (document.querySelector('dialog[open]')) return;
  if (/^(Space|Enter)$/.test(key) && target?.closest?.(`button, a, summary, [role=button]${key === 'Space' ? ', input' : ''}`)) return; // theirs
  const full = prefix && now - prefixAt < 1500 ? `${prefix} ${key}` : key;
  prefix = '';
  for (let i = known.length - 1; i >= 0; i--) {
    if (known[i]!.keys === full) {
      e.preventDefault();
      known[i]!.run(e);
      return;
    }
  }
  if (known.some((s) => s.keys.startsWith(key + ' '))) {
    prefix = key;
    prefixAt = now;
  }
}

export function listen(): () => void {
  const down = (e: KeyboardEvent) => press(e, Date.now());
  document.addEventListener('keydown', down);
  return () => document.removeEventListener('keydown', down);
}

export function addKey(keys: string, what: string, run: (e: KeyboardEvent) => void): () => void {
  const shortcut = { keys, what, run };
  known.push(shortcut);
  return () => void known.splice(known.indexOf(shortcut), 1);
}

// useKey binds a key while the component is there; the newest binding wins.
export function useKey(keys: string, what: string, run: (e: KeyboardEvent) => void): void {
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => addKey(keys, what, (e) => latest.current(e)), [keys, what]);
}
