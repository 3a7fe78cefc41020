// The far end is away, or the books do not add up.
import { test } from 'node:test';
import { accessible, panel, shot, visit } from './lib/page.mjs';
import { nats } from './lib/nats.mjs';
import { until } from './lib/process.mjs';
import { send } from './lib/records.mjs';
import { sink } from './lib/sink.mjs';
import { suite } from './lib/world.mjs';

const accounting = (page) => panel(page, 'Accounting');

// A sink that is away for so long that the lag is over its threshold: it is
// looked at last.
const far = await sink(), failing = await suite({ ESSUB_REMOTE_URL: far.url });
await failing.start('nats', 'proxy', 'receiver', 'subscriber');
await send(failing.tcp, { payload: 'delivered' });
await until('one record is delivered', () => far.documents.size === 1);
far.fail = 503;
await send(failing.tcp, { payload: 'waits' });

test('records that do not add up are a difference in red, which says where to look', async () => {
  const off = await suite({ ESSUB_REMOTE_URL: (await sink()).url });
  await off.start('nats', 'proxy', 'receiver', 'subscriber');
  await send(off.tcp, { payload: 'one' });
  const ledger = async () => (await fetch(`${off.url}api/v2/ledger`)).text();
  const [, epoch] = await until('the record is settled', async () => /"epoch":(\d+).*"delivered":1,/.exec(await ledger()));
  // Somebody settles block 2 before it is stored, with outcomes that do not add up.
  await off.subscriber.stop();
  await (await nats(off.natsPort)).publish('lm.ledger.lagermeister-test.es_subscriber', '{"blocks":[[2,40,3,0,0,0,0]]}', { 'Lm-Epoch': epoch });
  await send(off.tcp, ...Array(40).fill({ payload: 'two' }));
  await visit(off.url, async (page) => {
    await accounting(page).getByText('Difference 37').waitFor();
    await page.locator('.attention', { hasText: 'es_subscriber does not add up: 37 records without an outcome' }).waitFor();
    await accessible(page, 'Overview with a difference');
    await shot(page, 'fault-difference');
    await page.locator('.attention').getByRole('link', { name: 'es_subscriber' }).click();
    await accounting(page).getByText('Difference 37').waitFor();
    await accessible(page, 'Pipeline with a difference');
  });
});

test('a sink that answers 503: lag, retries and attention; all is delivered once it answers again', () => visit(failing.url, async (page) => {
  await panel(page, 'Failed deliveries').getByRole('img', { name: /retried [1-9]/ }).waitFor();
  await page.locator('.attention', { hasText: /es-output lag is .*, over the/ }).waitFor();
  await page.locator('.kpi', { hasText: 'Worst lag' }).locator('.v.warn, .v.err').waitFor();
  await accounting(page).getByRole('row', { name: /es_subscriber 2 1 .* 1 0 ✓/ }).waitFor();
  await accounting(page).getByText('Balanced').waitFor(); // pending is an outcome, too
  await accessible(page, 'Overview with a sink that is away');
  await shot(page, 'fault-sink');
  // A dashboard that starts meanwhile has never heard of a delivery.
  await page.goto('about:blank');
  await failing.proxy.stop();
  await failing.start('proxy');
  await page.goto(`${failing.url}consumers`);
  await page.getByRole('row', { name: /es_subscriber 1 member 0\/s .* Answers 503/ }).waitFor();
  await page.goto(failing.url);
  far.fail = 0;
  await accounting(page).getByRole('row', { name: /es_subscriber 2 2 / }).waitFor();
  await until('nothing needs attention', async () => (await page.locator('.attention').getByText('lag is').count()) === 0);
}));
