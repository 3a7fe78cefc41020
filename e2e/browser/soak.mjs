// An hour of open pages at 100 records/s: what they hold in memory must not grow.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { names, pill, rendering, visit } from './lib/page.mjs';
import { until } from './lib/process.mjs';
import { generate, relay } from './lib/world.mjs';

const MINUTES = Number(process.env.MINUTES ?? 60);
const HEAP = 60, GROWTH = 2; // MB; MB an hour, of the second half

const world = await relay();
generate(world.tcp, { GEN_RATE: '100' });
const cpu = await rendering(), began = Date.now(), minutes = () => (Date.now() - began) / 60_000;

// slope of a least-squares line through points of [x, y].
function slope(points) {
  const mean = (i) => points.reduce((sum, p) => sum + p[i], 0) / points.length;
  const x = mean(0), y = mean(1);
  return points.reduce((sum, p) => sum + (p[0] - x) * (p[1] - y), 0) / points.reduce((sum, p) => sum + (p[0] - x) ** 2, 0);
}

const resident = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.program.child.pid}/status`, 'utf8'))[1]) / 1000; // MB

// watched leaves a page open and tells the heap after each minute.
const watched = (name) => visit(`${world.url}${name}`, async (page) => {
  const title = names[name];
  await pill(page).getByText(/^Live · [1-9]/).waitFor();
  await page.evaluate(() => { window.shifts = { push() {} }; }); // what the tests note, and the page does not
  const session = await page.context().newCDPSession(page);
  const heaps = [];
  for (let minute = 1; minute <= MINUTES; minute++) {
    await until(`minute ${minute}`, () => minutes() >= minute, 120_000);
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage'), { nodes } = await session.send('Memory.getDOMCounters');
    heaps.push([minute / 60, usedSize / 1e6]);
    if (minute % 5 === 1) console.log(`${title}, minute ${minute}: heap ${(usedSize / 1e6).toFixed(2)} MB, ${nodes} nodes; local_relay ${resident().toFixed(0)} MB`);
  }
  await pill(page).getByText(/^Live · [1-9]/).waitFor();
  const growth = slope(heaps.slice(heaps.length / 2)), most = Math.max(...heaps.map(([, mb]) => mb));
  console.log(`${title}: heap ${most.toFixed(2)} MB at most, grows by ${growth.toFixed(2)} MB an hour`);
  assert.ok(most <= HEAP, `${title}: heap of ${most.toFixed(1)} MB, over ${HEAP}`);
  assert.ok(growth <= GROWTH, `${title}: heap grows by ${growth.toFixed(2)} MB an hour, over ${GROWTH}`);
});

describe(`${MINUTES} minutes`, { concurrency: true, timeout: (MINUTES + 5) * 60_000 }, () => {
  for (const name of ['', 'pipeline', 'tail', 'consumers']) test(names[name], () => watched(name));
  test('what they cost', async () => {
    await until('nearly the end', () => minutes() >= MINUTES - 0.1, MINUTES * 60_000);
    console.log(`renderers of all pages: ${(100 * await cpu() / (60 * minutes())).toFixed(1)} % of a core`);
  });
});
