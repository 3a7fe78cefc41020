// Numbers as people read them. What is not known is "–"; 0 is "0".

export const NONE = '–';
type Maybe = number | null | undefined;
const known = (n: Maybe): n is number => typeof n === 'number' && Number.isFinite(n);

// count: 128,402,113
export function count(n: Maybe): string {
  return known(n) ? Math.round(n).toLocaleString('en-US') : NONE;
}

// short: 18.4k, 1.2M; below 1,000 whole, below 10 with one decimal where it has one.
export function short(n: Maybe): string {
  if (!known(n)) return NONE;
  const size = Math.abs(n);
  for (const [unit, letter] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']] as const) {
    if (size >= unit * 0.9995) {
      const value = n / unit;
      return trim(value, Math.abs(value) < 99.95 ? 1 : 0) + letter;
    }
  }
  return trim(n, size < 9.95 ? 1 : 0);
}

function trim(n: number, decimals: number): string {
  const text = n.toFixed(decimals);
  const cut = text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  return cut === '-0' ? '0' : cut;
}

// bytes: 68 MB; powers of ten, as disks and networks are sold.
export function bytes(n: Maybe): string {
  if (!known(n)) return NONE;
  for (const [unit, name] of [[1e15, 'PB'], [1e12, 'TB'], [1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB']] as const) {
    if (Math.abs(n) >= unit * 0.9995) return `${trim(n / unit, Math.abs(n / unit) < 9.95 ? 1 : 0)} ${name}`;
  }
  return `${Math.round(n)} B`;
}

// duration of seconds: 38 ms, 1.4 s, 41 s, 4 min, 6 h, 3 d. Never rounded up to the next unit.
export function duration(seconds: Maybe): string {
  if (!known(seconds)) return NONE;
  const s = Math.max(0, seconds);
  if (s === 0) return '0 s';
  if (s < 0.9995) return s < 0.001 ? '< 1 ms' : `${Math.round(s * 1000)} ms`;
  if (s < 9.95) return `${trim(s, 1)} s`;
  if (s < 120) return `${Math.floor(s)} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h`;
  return `${Math.floor(s / 86400)} d`;
}

export const millis = (ms: Maybe): string => (known(ms) ? `${short(ms)} ms` : NONE);

// percent of part in whole, floored to three decimals: 99.9998 % never reads 100 %.
export function percent(part: Maybe, whole: Maybe): string {
  if (!known(part) || !known(whole) || whole <= 0) return NONE;
  if (part >= whole) return '100 %';
  return `${(Math.floor((part / whole) * 100000) / 1000).toFixed(3)} %`;
}

// change: +3 %, −1 %, ±0 %; null when there is nothing to compare with.
export function change(now: Maybe, before: Maybe): string | null {
  if (!known(now) || !known(before) || before <= 0) return null;
  const p = Math.round((now / before - 1) * 100);
  return p > 999 ? '> +999 %' : p > 0 ? `+${p} %` : p < 0 ? `−${-p} %` : '±0 %';
}

export const plural = (n: number, one: string, many = one + 's'): string => `${count(n)} ${n === 1 ? one : many}`;
