// Every page, in both themes, with real traffic.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessible, fits, names, panel, pill, shot, visit } from './lib/page.mjs';
import { nats } from './lib/nats.mjs';
import { generate, relay } from './lib/world.mjs';

const world = await relay({ PROXY_ENVIRONMENT: 'test' });
generate(world.tcp, { GEN_RATE: '300' });

// What a page shows of the traffic once it is there.
const real = {
  '': async (page) => {
    await page.locator('.kpi', { hasText: 'Received' }).getByText(/^\d+ ?msg\/s/).waitFor();
    await panel(page, 'Accounting').getByRole('row', { name: /es_subscriber [\d,]*[1-9]/ }).waitFor();
    for (const title of ['Throughput in', 'Throughput out', 'Lag', 'Batch size', 'Delivery latency']) await panel(page, title).getByRole('img').waitFor();
    await panel(page, 'Last seen').getByRole('row', { name: /tcp-receiver .*\d\/s/ }).waitFor();
  },
  pipeline: async (page) => {
    await panel(page, 'Flow').locator('.node', { hasText: 'tcp-receiver' }).getByText(/^[1-9]\d*\/s/).waitFor();
    await panel(page, 'Receivers').getByRole('row', { name: /tcp-receiver .*[1-9]/ }).waitFor();
    await panel(page, 'Events').getByText('dashboard started').waitFor();
  },
  search: async (page) => {
    await page.getByRole('heading', { name: /^[\d,]*[1-9][\d,]* matches/ }).waitFor();
    await page.getByRole('row', { name: /lg\w{8} n \d{12}/ }).first().waitFor();
    await page.locator('.fv', { hasText: /Error\d/ }).waitFor({ state: 'attached' }); // a narrow window has no room for it
  },
  tail: async (page) => {
    await page.getByRole('row', { name: /lg\w{8} n \d{12}/ }).nth(20).waitFor();
    await page.getByText(/[1-9]\d* of [1-9]\d* records\/s match/).waitFor();
  },
  dead: (page) => page.getByText('Nothing is dead-lettered').waitFor(),
  consumers: (page) => panel(page, 'lagermeister-test').getByRole('row', { name: /es_subscriber .*\d\/s .*Running/ }).waitFor(),
  settings: (page) => panel(page, 'Connection').getByText(/[1-9]\d* values in all/).waitFor(),
};

for (const [name, title] of Object.entries(names)) {
  for (const [theme, width] of [['light', 1440], ['dark', 390]]) {
    test(`${title}, ${theme}: shows real figures, fits every window, shifts nothing, and axe-core finds nothing`, () => visit(world.url + name, async (page) => {
      await pill(page).getByText(/Live · [1-9]/).waitFor();
      await real[name](page);
      assert.equal(await page.title(), `${title} · Lagermeister`);
      assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), title);

      const shifts = await page.evaluate(() => window.shifts);
      const shift = shifts.reduce((sum, s) => sum + s.value, 0);
      assert.ok(shift <= 0.02, `layout shift ${shift.toFixed(3)} at ${width} px: ${JSON.stringify(shifts, null, 1)}`);
      const nodes = await page.evaluate(() => { let n = 0; for (const walk = document.createTreeWalker(document); walk.nextNode();) n++; return n; });
      assert.ok(nodes <= 3000, `${nodes} nodes`);

      await fits(page, [390, 1100, 2560, 1440]);
      await shot(page, `${name || 'overview'}-${theme}`);
      await accessible(page, title);
    }, { theme, width }));
  }
}

test('forty hosts with long names leave room for what is known of them, and pages end where their panels do', async () => {
  const world = await relay();
  const bus = await nats(world.natsPort);
  const began = Date.now() / 1000;
  const event = (i, type, value) => bus.publish('stats-events', JSON.stringify({ Timestamp: Math.floor(Date.now() / 1000), Value: value, Sender: 'tcp-receiver-of-a-rather-long-name', SourceIP: `edge-${i}`, MetricType: type, Threshold: null, Aggregate: '' }));
  setInterval(() => {
    for (let i = 0; i < 40; i++) {
      event(i, 'Throughput', 5);
      event(i, 'Started', began);
    }
  }, 1000).unref();
  await visit(world.url, async (page) => {
    const seen = panel(page, 'Last seen');
    await seen.getByText('edge-39', { exact: true }).waitFor();
    const [whole, last] = [await seen.boundingBox(), await seen.getByRole('columnheader', { name: 'Last seen' }).boundingBox()];
    assert.ok(last.x + last.width <= whole.x + whole.width + 1, `the age of a sender is seen: it ends at ${last.x + last.width}, the panel at ${whole.x + whole.width}`);
    assert.ok(whole.height < 600, `the list scrolls, the panel has ${whole.height} px`);

    await page.goto(`${world.url}pipeline`);
    await panel(page, 'Events').locator('li', { hasText: /edge-39 receiver started/ }).waitFor({ state: 'attached' });
    const over = await page.evaluate(() => document.documentElement.scrollHeight - Math.max(innerHeight, document.querySelector('main').getBoundingClientRect().bottom + scrollY));
    assert.ok(over <= 1, `nothing is below the last panel, but ${over} px`);
  });
});
