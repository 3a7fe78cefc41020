import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { xStep } from '../src/core/range';
import { ticks } from '../src/ui/scales';
import { visible } from '../src/ui/VirtualRows';
import { order } from '../src/ui/Table';

test('no source makes markup of text', () => {
  const files = readdirSync('src', { recursive: true, withFileTypes: true }).filter((f) => /\.tsx?$/.test(f.name));
  expect(files.length).toBeGreaterThan(20);
  for (const f of files) {
    expect(readFileSync(`${f.parentPath}/${f.name}`, 'utf8'), f.name).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/i);
  }
});

test('axes end on round numbers, a little above the largest value', () => {
  expect([21_500, 41, 7, 0.4, 450, 0].map((max) => ticks(max).list)).toEqual([[0, 8000, 16000, 24000], [0, 15, 30, 45], [0, 3, 6, 9], [0, 0.15, 0.3, 0.45], [0, 150, 300, 450], [0, 1, 2, 3]]);
  for (let max = 1; max < 1e9; max *= 1.37) expect(ticks(max).top).toBeGreaterThanOrEqual(max * 0.999);
  expect(xStep(900, 330)).toBe(300);
});

test('a virtual list draws the rows in sight, whichever is open', () => {
  expect(visible(5000, 22, 0, 220)).toEqual([0, 19]);
  expect(visible(5000, 22, 22 * 1000, 220)).toEqual([992, 1019]);
  expect(visible(5000, 22, 22 * 4990, 220)).toEqual([4982, 5000]);
  expect(visible(0, 22, 0, 220)).toEqual([0, 0]);
  for (const top of [0, 2000, 2200, 2400, 2600, 5000]) { // row 100 is open and 400 high
    const [from, to] = visible(1000, 22, top, 220, 100, 400);
    for (let y = top; y < top + 220; y += 22) {
      const row = y < 101 * 22 ? Math.floor(y / 22) : y < 101 * 22 + 400 ? 100 : Math.floor((y - 400) / 22);
      expect(row >= from && row < to, `row ${row} at ${y}`).toBe(true);
    }
  }
});

test('rows without a value sort last, both ways', () => {
  const rows = [{ n: 2 }, { n: null }, { n: 10 }];
  const columns = [{ key: 'n', title: '', cell: () => '', sort: (r: { n: number | null }) => r.n }];
  expect(order(rows, columns, { key: 'n', down: true }).map((r) => r.n)).toEqual([10, 2, null]);
  expect(order(rows, columns, { key: 'n', down: false }).map((r) => r.n)).toEqual([2, 10, null]);
});
