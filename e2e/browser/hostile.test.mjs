// What records, senders and far ends say is text, whatever it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { names, panel, pill, visit } from './lib/page.mjs';
import { nats } from './lib/nats.mjs';
import { until } from './lib/process.mjs';
import { send } from './lib/records.mjs';
import { sink } from './lib/sink.mjs';
import { relay, suite } from './lib/world.mjs';

const tag = (where) => `<img src=x onerror="window.hurt='${where}'">`;
const UNSEEN = 'a\u0000b\u001b[31mc\u202ed\u200be\u2066f\u0085g'; // control characters, a colour, characters that hide or turn text around
const evil = (where) => ({
  payload: `${tag(where)} ${UNSEEN} javascript:hurt() needle`, hostname: `${tag('host')}${UNSEEN}`, logger: `${tag('logger')}${UNSEEN}`, type: `${tag('type')}${UNSEEN}`, severity: 3,
  fields: { [`${tag('name')}${UNSEEN}`]: `${tag('value')}${UNSEEN}` },
});

// inert fails when anything came alive, or can mislead the eye.
async function inert(page) {
  const found = await page.evaluate(() => ({
    hurt: window.hurt, elements: document.querySelectorAll('img, script:not([src$="app.js"]), [onerror]').length,
    unseen: /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/.exec(document.body.innerText)?.input.match(/.{0,40}[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff].{0,20}/)?.[0],
  }));
  assert.deepEqual(found, { hurt: undefined, elements: 0, unseen: undefined }, page.url());
}

test('hostile records and senders are inert text in search, live tail and every figure', async () => {
  const world = await relay();
  const bus = await nats(world.natsPort);
  const event = ([who, type]) => bus.publish('stats-events', JSON.stringify({ Timestamp: Math.floor(Date.now() / 1000), Value: 5, Sender: `${tag(who)}${UNSEEN}`, SourceIP: `${tag('ip')}`, MetricType: type, Threshold: null, Aggregate: 'Total' }));
  setInterval(() => [['receiver', 'Throughput'], ['output', 'Throughput'], ['output', 'Lag'], ['output', 'BatchSize'], ['output', 'Retried']].forEach(event), 500).unref();
  await send(world.tcp, evil('payload'));
  await until('it can be found', async () => (await (await fetch(`${world.url}api/v2/histogram?buckets=1`)).json()).counted === 1);
  await visit(`${world.url}search?text=needle`, async (page) => {
    const row = page.locator('.log .vrow');
    await row.getByText('<img src=x').first().waitFor();
    await page.locator('.fv', { hasText: '<img src=x' }).first().waitFor();
    await row.getByRole('button').click();
    for (const tab of ['Context ±20', 'JSON', 'Fields']) {
      await page.getByRole('button', { name: tab, exact: true }).click();
      await page.locator('.vopen').getByText('<img src=x').first().waitFor();
      await inert(page);
    }
    assert.equal(await page.locator('.vopen a').count(), 0, 'nothing in a record is a link');
    await page.getByRole('button', { name: /^Filter for this Hostname/ }).click({ force: true });
    await page.locator('.chip', { hasText: '<img' }).waitFor();
    await inert(page);

    await page.goto(`${world.url}tail`);
    await page.getByText('✓ all records').waitFor();
    await send(world.tcp, evil('tail'));
    const line = page.locator('.tailbox .vrow', { hasText: '<img src=x' });
    await line.getByRole('button').click();
    await page.locator('.taildetail').getByText('<img src=x').first().waitFor();
    await inert(page);

    for (const [path, place] of [['tail', '#tail-check pre'], ['search', '#spec-wrong pre']]) { // links are written by others, too
      await page.goto(`${world.url}${path}?${new URLSearchParams({ q: `Type == '${UNSEEN.replace('\u0000', '')}' wrong` })}`);
      await page.locator(place).waitFor();
      await inert(page);
    }

    for (const name of ['', 'pipeline', 'consumers', 'settings', 'dead']) {
      await page.goto(world.url + name);
      await page.getByRole('heading', { level: 1, name: names[name] }).waitFor();
      await pill(page).getByText(/^Live/).waitFor();
      if (name === '') await panel(page, 'Last seen').getByText('<img src=x').first().waitFor();
      if (name === 'pipeline') await panel(page, 'Flow').getByText('<img src=x').first().waitFor();
      await inert(page);
    }
  }, { expected: /status of 400/ });
});

test('a hostile record is an inert dead letter, and so is what the far end says of it', async () => {
  const far = await sink();
  far.refuse = () => ({ status: 400, type: tag('error'), reason: `${tag('reason')} ${UNSEEN}` });
  const s = await suite({ ESSUB_REMOTE_URL: far.url, ESSUB_MAX_REFUSED: '1' });
  await s.start('nats', 'proxy', 'receiver', 'subscriber');
  await send(s.tcp, evil('dead'));
  await until('it is dead', async () => (await (await fetch(`${s.url}api/v2/dead`)).json()).streams?.[0]?.letters === 1);
  await visit(`${s.url}dead`, async (page) => {
    await panel(page, 'By reason').getByText('<img src=x').first().waitFor();
    await page.getByRole('button', { name: /^Open the letter/ }).click();
    await page.locator('.letter').getByText('needle').waitFor();
    await inert(page);
    for (const as of ['JSON', 'Bytes']) {
      await page.getByRole('button', { name: as, exact: true }).click();
      await page.locator('.letter pre').waitFor();
      await inert(page);
    }
    await page.goto(s.url);
    await page.locator('.attention').getByText('<img src=x').waitFor();
    await inert(page);
  });
});
