import { expect, test } from 'vitest';
import { palette } from '../src/ui/color';

test('a name has its colour whenever it comes up, and few names have different ones', () => {
  const names = ['es-output', 'http-output', 'hub-output', 'archive', 'tcp-receiver', 'http-receiver'];
  const alone = names.map((n) => palette()(n));
  expect(names.map((n) => palette()(n))).toEqual(alone);
  const together = palette();
  expect(new Set(names.map(together)).size).toBe(6);
  expect(names.map(together)).toEqual(names.map(together)); // and it stays
  expect(together('a seventh')).toMatch(/^c[1-6]$/);
});
