// An operator pauses a group under traffic, and resumes it: nothing is lost meanwhile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessible, fits, go, panel, shot, visitAs } from './lib/page.mjs';
import { until } from './lib/process.mjs';
import { send } from './lib/records.mjs';
import { sink } from './lib/sink.mjs';
import { generate, suite } from './lib/world.mjs';

const far = await sink();
const s = await suite({ ESSUB_REMOTE_URL: far.url, PROXY_TOKEN: 'look', PROXY_OPERATOR_TOKEN: 'change' });
await s.start('nats', 'proxy', 'receiver', 'subscriber');
await send(s.tcp, ...Array.from({ length: 20 }, (_, i) => ({ payload: `before ${i}` })));
await until('the far end has what came before', () => far.documents.size === 20);

const as = (token, path, use, options) => visitAs(token, s.url + path, use, options);
let waiting = 0; // records sent while it was paused
const row = (page) => page.getByRole('row').filter({ has: page.getByRole('button', { name: 'es_subscriber', exact: true }) });
const open = (page) => row(page).getByRole('button', { name: 'es_subscriber', exact: true }).click();
const pending = async (page) => Number((await row(page).getByRole('cell').nth(4).textContent()).replaceAll(',', '')); // after name, members, rate, lag

test('an operator pauses a group, what comes then waits, and after a restart too', () => as('change', 'consumers', async (page) => {
  await open(page);
  await page.getByRole('button', { name: 'Pause…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Pause es_subscriber' });
  await dialog.getByText('0 records').waitFor();
  await dialog.getByText('receivers refuse new records').waitFor();
  await dialog.getByText(/^nats --server \S+ consumer pause lagermeister-test es_subscriber 1h$/).waitFor();
  await accessible(page, 'the dialog that asks before a pause');
  await shot(page, 'pause');
  await page.keyboard.press('Escape'); // changes nothing
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Pause…');

  await page.getByRole('button', { name: 'Pause…' }).click();
  await dialog.getByRole('button', { name: '6 h', exact: true }).click();
  await dialog.getByRole('button', { name: 'Pause for 6 h' }).click();
  await dialog.getByText(/^es_subscriber is paused until \d/).waitFor();
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await row(page).getByText(/^Paused until (\d{4}-\d\d-\d\d )?\d\d:\d\d \(in 5 h\)$/).waitFor();
  await page.getByText(/^Paused by operator token at 127\.0\.0\.1 at \d/).waitFor();

  const generator = generate(s.tcp, { GEN_RATE: '50' });
  await until('pending grows', async () => await pending(page) > 100);
  const before = await pending(page);
  await until('and grows on', async () => await pending(page) > before);
  assert.equal(far.documents.size, 20, 'nothing is delivered');
  await s.subscriber.stop();
  await s.start('subscriber');
  await row(page).getByText(/^Paused until/).waitFor();
  const then = await pending(page);
  await until('a member that has just started gets nothing either', async () => await pending(page) > then);
  assert.equal(far.documents.size, 20);
  await accessible(page, 'Consumers with a paused group');
  await fits(page, [320, 390, 1100, 1440]);
  await shot(page, 'paused');

  await go(page, '');
  await page.locator('.attention').getByText(/is paused until .* records pending/).waitFor();
  await panel(page, 'Accounting').getByText('Balanced').waitFor();
  await fits(page, [320, 1440]);
  await go(page, 'pipeline');
  await page.getByText(/^Paused until/).first().waitFor();
  await fits(page, [320, 390, 1100, 1440]);
  await shot(page, 'paused-pipeline');
  await generator.stop();
  waiting = await generator.sent();
}));

test('a viewer sees the pause and can end none, and the server refuses as well', () => as('look', 'consumers', async (page) => {
  await open(page);
  for (const name of ['Resume', 'Change the end…']) await page.getByRole('button', { name, disabled: true }).waitFor();
  await page.getByText('Read-only: you are here as a viewer.').waitFor();
  const answers = await page.evaluate(() => Promise.all([
    ['pause', { stream: 'lagermeister-test', group: 'es_subscriber', seconds: 60 }], ['resume', { stream: 'lagermeister-test', group: 'es_subscriber' }],
  ].map(async ([action, body]) => (await fetch(`/api/v2/consumers/${action}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })).status)));
  assert.deepEqual(answers, [403, 403]);
  await accessible(page, 'Consumers of a viewer');
}, { expected: /status of 40[13]/, theme: 'dark' }));

test('resumed, the group delivers all that waited, and is balanced', () => as('change', 'consumers', async (page) => {
  await open(page);
  await until('all that was sent waits', async () => await pending(page) === waiting);
  await page.getByRole('button', { name: 'Resume' }).click();
  await row(page).getByText(/^(Running|Idle)$/).waitFor();
  await until('nothing is pending', async () => await pending(page) === 0);
  assert.equal(far.documents.size, 20 + waiting);
  await page.getByText(/^Last paused by operator token .*; resumed by operator token at 127\.0\.0\.1 at \d/).waitFor();
  await go(page, '');
  await panel(page, 'Accounting').getByRole('row', { name: `es_subscriber ${(20 + waiting).toLocaleString('en-US')} ${(20 + waiting).toLocaleString('en-US')} 0 0 0 0 ✓` }).waitFor();
  await panel(page, 'Accounting').getByText('Balanced').waitFor();
}));
