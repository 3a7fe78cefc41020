// What the first minute of a new user shows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { panel, pill, visit } from './lib/page.mjs';
import { until } from './lib/process.mjs';
import { generate, relay } from './lib/world.mjs';

const world = await relay();

// account is the row of a group, as its figures are shown.
export const account = async (page, group) => Object.fromEntries(
  (await panel(page, 'Accounting').getByRole('row', { name: group }).locator('td:not(.op)').allTextContents()).map((text, i) => [['received', 'delivered', 'filtered', 'dead', 'pending', 'difference', 'share', 'rest'][i], text]),
);

test('what the Overview has received is what the generator has sent, and the ledger is Balanced', () => visit(world.url, async (page) => {
  await pill(page).getByText(/Live/).waitFor();
  const before = Date.now();
  const generator = generate(world.tcp, { GEN_COUNT: '5000', GEN_RATE: '1000' });
  const received = page.locator('.kpi', { hasText: 'Received' }).locator('.v');
  const seen = new Set();
  let first = 0;
  await until('the rate moves', async () => {
    const text = await received.textContent();
    if (/^[\d.k]*[1-9]/.test(text)) first ||= Date.now();
    return seen.add(text).size > 3;
  });
  console.log(`the first figure of Received came ${first - before} ms after the generator was started`);

  const sent = await generator.sent();
  assert.equal(sent, 5000);
  const row = await until('all records are delivered', async () => {
    const row = await account(page, 'es_subscriber');
    return row.pending === '0' && row.received === sent.toLocaleString('en-US') && row;
  });
  assert.deepEqual(row, { received: '5,000', delivered: '5,000', filtered: '0', dead: '0', pending: '0', difference: '0 ✓', share: '100 %', rest: 'nothing' });
  await panel(page, 'Accounting').getByText('Balanced').waitFor();
}));
