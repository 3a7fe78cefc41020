import { settings } from '../core/settings';

// Canvas knows no custom properties, and a property holds light-dark() as text:
// an element with that colour tells what it comes to.

let probe: HTMLElement | null = null;
const cache = new Map<string, string>();
const forget = () => cache.clear();
settings.on(forget);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', forget);

// color of a token such as "c1" in the theme of now.
export function color(token: string): string {
  let value = cache.get(token);
  if (value === undefined) {
    if (!probe) {
      probe = document.createElement('span');
      probe.hidden = true;
      document.body.append(probe);
    }
    probe.style.color = `var(--${token})`;
    value = getComputedStyle(probe).color;
    cache.set(token, value);
  }
  return value;
}

// fade gives a color of rgb(…) an opacity.
export const fade = (rgb: string, alpha: number): string => rgb.replace(/^rgba?\(([^)]*?)(?:[,/]\s*[\d.]+)?\)$/, (_, c: string) => (c.split(',').length > 2 ? `rgba(${c.split(',').slice(0, 3).join(',')},${alpha})` : `rgb(${c} / ${alpha})`));

// hues gives each name a colour that stays its own: the first six to come share
// out the six hues, in an order of their own that does not depend on how they
// are sorted now.
const given = new Map<string, string>();
export function hue(name: string): string {
  let token = given.get(name);
  if (!token) {
    token = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6'][given.size % 6]!;
    given.set(name, token);
  }
  return token;
}
