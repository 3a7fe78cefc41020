// NATS is gone, has no JetStream, or says more than a line can carry.
import assert from 'node:assert/strict';
import { createServer, connect } from 'node:net';
import { test } from 'node:test';
import { accessible, go, panel, pill, shot, visit } from './lib/page.mjs';
import { freePort, until } from './lib/process.mjs';
import { nats } from './lib/nats.mjs';
import { sink } from './lib/sink.mjs';
import { generate, suite } from './lib/world.mjs';

const banner = (page) => page.locator('.note');
const accounting = (page) => panel(page, 'Accounting');
const s = await suite({ ESSUB_REMOTE_URL: (await sink()).url });
await s.start('nats', 'proxy', 'receiver', 'subscriber');

test('NATS stopped: amber, with the reason, and the accounts are not called balanced; it returns by itself', async () => {
  const generator = generate(s.tcp, { GEN_RATE: '50' });
  await visit(s.url, async (page) => {
    await accounting(page).getByText('Balanced').waitFor();
    await s.nats.stop();

    await pill(page).getByText(/NATS unreachable since \d\d:\d\d:\d\d/).waitFor();
    await banner(page).getByText('Receivers may be refusing or buffering. Nothing shown here is current.').waitFor();
    await banner(page).getByText(`127.0.0.1:${s.natsPort}`).waitFor();
    await accounting(page).getByText('Paused').waitFor();
    assert.equal(await accounting(page).getByText(/Balanced|✓/).count(), 0);
    await page.getByText('NATS unreachable', { exact: true }).waitFor(); // foot of the rail
    await accessible(page, 'Overview without NATS');
    await shot(page, 'fault-nats');
    await go(page, 'dead');
    await accessible(page, 'Dead letters without NATS');
    await go(page, '');

    await s.start('nats');
    await pill(page).getByText(/^Live · [1-9]/).waitFor();
    await accounting(page).getByText('Balanced').waitFor();
  }, { expected: /status of 50[34]/ });
  await generator.stop();
});

test('NATS without JetStream: live figures go on, the rest says what is missing', () => visit(s.url, async (page) => {
  await accounting(page).getByText('Balanced').waitFor();
  await s.nats.stop();
  await s.start('plain');
  await pill(page).getByText('JetStream unavailable').waitFor();
  await banner(page).getByText('Live figures go on; accounting, consumers and dead letters stand still.').waitFor();
  await accounting(page).getByText('Paused').waitFor();
  await accessible(page, 'Overview without JetStream');
  await shot(page, 'fault-jetstream');
  await s.plain.stop();
  await s.start('nats');
  await pill(page).getByText(/^Live/).waitFor();
}, { expected: /status of 50[34]/ }));

test('a client that is too slow is told how much it missed', async () => {
  // Between browser and proxy a line that can stall.
  const port = await freePort(), ends = new Set();
  let stalled = false;
  const line = createServer((near) => {
    const distant = connect(Number(new URL(s.url).port), '127.0.0.1');
    for (const [from, to] of [[near, distant], [distant, near]]) {
      ends.add(from.on('error', () => to.destroy()).pipe(to));
      from.on('close', () => to.destroy());
    }
    if (stalled) distant.pause();
  }).listen(port, '127.0.0.1').unref();
  const stall = (on) => { stalled = on; for (const end of ends) if (on) end.cork(); else end.uncork(); };
  const bus = await nats(s.natsPort);
  const second = () => Math.floor(Date.now() / 1000);
  const event = (sender, at) => JSON.stringify({ Timestamp: at, Value: 1, Sender: sender, SourceIP: '10.0.0.1', MetricType: 'Throughput', Threshold: null, Aggregate: 'Total' });
  await visit(`http://127.0.0.1:${port}/settings`, async (page) => {
    await pill(page).getByText(/^Live/).waitFor();
    stall(true);
    const dropped = async () => Number(/^lagermeister_dashboard_dropped_values_total (\S+)/m.exec(await (await fetch(`${s.url}metrics`)).text())[1]);
    await until('the proxy drops what the client does not take', async () => {
      for (let back = 0; back < 8; back++) for (let i = 0; i < 400; i++) await bus.publish('stats-events', event(`sender-with-a-long-name-${i}`, second() - back));
      return (await dropped()) > 0;
    });
    stall(false);
    await pill(page).getByText(/^Skipping: [\d,]+ events$/).waitFor();
    await panel(page, 'Connection').locator('.warn', { hasText: /[1-9][\d,]* values/ }).waitFor();
    await accessible(page, 'Settings of a slow client');
    await shot(page, 'fault-slow');
  }, { expected: /WebSocket connection to/ });
  line.close();
});
