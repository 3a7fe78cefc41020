// Looking changes nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { go, names, panel, pill, visit } from './lib/page.mjs';
import { nats } from './lib/nats.mjs';
import { until } from './lib/process.mjs';
import { sink } from './lib/sink.mjs';
import { generate, suite } from './lib/world.mjs';

const far = await sink(), s = await suite({ ESSUB_REMOTE_URL: far.url });
await s.start('nats', 'proxy', 'receiver', 'subscriber');
await generate(s.tcp, { GEN_COUNT: '1000', GEN_RATE: '0' }).sent();

// consumers of all streams with their positions, as the server has them.
async function consumers() {
  const jsz = await (await fetch(`${s.monitor}/jsz?streams=true&consumers=true`)).json();
  return jsz.account_details.flatMap((a) => a.stream_detail).flatMap((stream) => (stream.consumer_detail ?? []).map((c) => ({ stream: stream.name, name: c.name, created: c.created, floor: c.ack_floor.stream_seq, delivered: c.delivered.stream_seq }))).sort((a, b) => a.name.localeCompare(b.name));
}

test('visiting every page creates no consumer and moves none', async () => {
  await until('all is settled and folded', async () => {
    const { streams } = await (await fetch(`${s.url}api/v2/ledger`)).json();
    return streams?.[0]?.groups?.[0]?.delivered === 1000;
  });
  const made = [];
  (await nats(s.natsPort)).subscribe('$JS.EVENT.ADVISORY.CONSUMER.CREATED.>', (text) => made.push(`${JSON.parse(text).stream} ${JSON.parse(text).consumer}`));
  const before = await consumers();
  assert.ok(before.some((c) => c.name === 'es_subscriber' && c.floor > 0));
  await visit(s.url, async (page) => {
    await panel(page, 'Accounting').getByText('Balanced').waitFor();
    for (const name of Object.keys(names)) {
      await go(page, name);
      await pill(page).getByText(/^Live/).waitFor();
    }
    await go(page, 'consumers');
    await panel(page, 'lagermeister-test').getByRole('row', { name: /es_subscriber/ }).waitFor();
    await go(page, 'dead');
    await page.getByText('Nothing is dead-lettered').waitFor();
    await go(page, 'tail');
    await page.getByText('✓ all records').waitFor();
  });
  assert.deepEqual(await consumers(), before);
  assert.deepEqual(made, []);
});
