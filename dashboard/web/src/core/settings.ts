import { Store } from './store';

// What one browser likes, in its localStorage. A page that adds a setting adds
// it here, with its default.
export interface Settings {
  theme: 'system' | 'light' | 'dark';
  density: 'normal' | 'compact';
  zone: 'local' | 'utc';
  rows: number; // how many the live tail keeps
  shortcuts: boolean;
  seenWarn: number | null; // seconds; null: as the server says
  seenError: number | null;
  muted: Record<string, number>; // attention id -> unix ms until
  baseline: Record<string, number>; // for the pages that count from a moment
}

export const defaults: Settings = {
  theme: 'system', density: 'normal', zone: 'local', rows: 5000, shortcuts: true, seenWarn: null, seenError: null, muted: {}, baseline: {},
};

const KEY = 'lagermeister';

function read(): Settings {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Settings>;
    return { ...defaults, ...kept };
  } catch {
    return defaults; // storage is off, or holds something else
  }
}

export const settings = new Store<Settings>(read());

export function change(part: Partial<Settings>): void {
  settings.set({ ...settings.get(), ...part });
  try {
    localStorage.setItem(KEY, JSON.stringify(settings.get()));
  } catch { /* it then lasts as long as the page */ }
}

export function applyTheme(): void {
  const { theme, density } = settings.get();
  const root = document.documentElement;
  if (theme === 'system') delete root.dataset['theme'];
  else root.dataset['theme'] = theme;
  root.dataset['density'] = density;
}

export function isDark(): boolean {
  const { theme } = settings.get();
  return theme === 'system' ? matchMedia('(prefers-color-scheme: dark)').matches : theme === 'dark';
}

export const switchTheme = (): void => change({ theme: isDark() ? 'light' : 'dark' });
