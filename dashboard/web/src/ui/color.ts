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

// fade gives a color an opacity.
export const fade = (rgb: string, alpha: number): string => `rgba(${(rgb.match(/[\d.]+/g) ?? []).slice(0, 3).join(',')},${alpha})`;

// A palette gives each name one of six hues, which follows from the name, so that it
// is the same tomorrow; only where two of few names would share one the later one
// gets another.
export function palette(): (name: string) => string {
  const given = new Map<string, number>();
  return (name) => {
    let hue = given.get(name);
    if (hue === undefined) {
      hue = [...name].reduce((n, c) => (n * 54 + c.charCodeAt(0)) % 8191, 4) % 6;
      const taken = new Set(given.values());
      for (let i = 0; i < 6 && taken.has(hue); i++) hue = (hue + 1) % 6;
      given.set(name, hue);
    }
    return `c${hue + 1}`;
  };
}

// The colours of receivers and of outputs, the same on every page.
export const receiverHue = palette(), outputHue = palette();
