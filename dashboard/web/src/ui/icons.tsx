// 16 px line icons, decoration only: the words beside them say what they mean.
const paths = {
  overview: 'M2.5 2.5h4.500v4.500h-4.500zM9 2.500h4.500v4.500h-4.500zM2.500 9h4.500v4.500h-4.500zM9 9h4.500v4.500h-4.500z',
  pipeline: 'M2 8h4m4-5h4M10 8h4M10 13h4M6 8c2 0 2-5 4-5M6 8h4M6 8c2 0 2 5 4 5',
  search: 'M11.500 7a4.500 4.500 0 1 1-9 0 4.500 4.500 0 0 1 9 0M10.500 10.500 14 14',
  tail: 'M3.500 3h9A1.500 1.500 0 0 1 14 4.500v7a1.500 1.500 0 0 1-1.500 1.500h-9A1.500 1.500 0 0 1 2 11.500v-7A1.500 1.500 0 0 1 3.500 3M4.500 6l2 2-2 2M8 10.500h3',
  dead: 'M2 9h3l1 2h4l1-2h3M2 9l2-6h8l2 6v4H2zM6.700 5l2.600 2.600m0-2.600L6.700 7.600',
  consumers: 'm8 2 6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3',
  settings: 'M2 5h7m4 0h1M2 11h1m4 0h7M13 5a2 2 0 1 1-4 0 2 2 0 0 1 4 0M7 11a2 2 0 1 1-4 0 2 2 0 0 1 4 0',
  warn: 'M8 2 1.500 13.500h13zM8 6.500v3.200M8 11.600v.2',
  pause: 'M5.500 3v10M10.500 3v10',
  play: 'M5 3l8 5-8 5z',
  theme: 'M13.500 8a5.500 5.500 0 1 1-11 0 5.500 5.500 0 0 1 11 0',
  table: 'M2.500 3.500h11v9h-11zM2.500 6.500h11M6.500 6.500v6',
  chart: 'M2.500 2.500v11h11M5 10l2.500-3 2 1.500L13 5',
  copy: 'M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3',
  check: 'M3 8.500l3 3 7-7',
  link: 'M6.500 9.500l3-3M7 4.500 8.500 3a2.800 2.800 0 0 1 4 4L11 8.500M9 11.500 7.500 13a2.800 2.800 0 0 1-4-4L5 7.500',
  clock: 'M13.500 8a5.500 5.500 0 1 1-11 0 5.500 5.500 0 0 1 11 0M8 5v3l2 1.500',
  download: 'M8 2.500v8M4.500 7.500 8 11l3.500-3.500M3 13.500h10',
  info: 'M13.500 8a5.500 5.500 0 1 1-11 0 5.500 5.500 0 0 1 11 0M8 7.500v3.500M8 5v.2',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={paths[name]} />
      {name === 'theme' && <path d="M8 2.500a5.500 5.500 0 0 1 0 11z" fill="currentColor" />}
    </svg>
  );
}

export function Logo() {
  return (
    <svg width="18" height="18" viewBox="0 0 18 18" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" aria-hidden="true">
      <path d="M2 4h14M2 9h9M2 14h12" />
      <circle cx="15" cy="9" r="1.6" fill="currentColor" stroke="none" />
    </svg>
  );
}
