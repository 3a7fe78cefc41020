// What no far end takes is kept, can be looked at, and is sent again from the page.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessible, go, panel, shot, visitAs } from './lib/page.mjs';
import { until } from './lib/process.mjs';
import { send } from './lib/records.mjs';
import { sink } from './lib/sink.mjs';
import { suite } from './lib/world.mjs';

const far = await sink();
far.refuse = (document) => (/poison/.test(document.message) ? { status: 400, type: 'document_parsing_exception', reason: `[1:${document.message.length}] failed to parse: as the test wants it` }
  : /too long/.test(document.message) ? { status: 413, type: 'illegal_argument_exception', reason: 'document is too long' } : null);
const s = await suite({ ESSUB_REMOTE_URL: far.url, PROXY_TOKEN: 'look', PROXY_OPERATOR_TOKEN: 'change' });
await s.start('nats', 'proxy', 'receiver', 'subscriber');
await send(s.tcp, ...Array.from({ length: 20 }, (_, i) => ({ payload: `good ${i}` })), { payload: 'poison 1', hostname: 'web-7' }, { payload: 'poison 2' }, { payload: 'poison 3' }, { payload: 'too long 4' });

const as = (token, path, use, options) => visitAs(token, s.url + path, use, options);
const reasons = (page) => panel(page, 'By reason').getByRole('row');
const balance = (page, figures) => panel(page, 'Accounting').getByRole('row', { name: `es_subscriber ${figures} 0 ✓` }).waitFor();

test('a refused record is a dead letter, counted as that, grouped by reason and shown as it was received', () => as('look', '', async (page) => {
  await balance(page, '24 20 0 4 0');
  await panel(page, 'Accounting').getByText('Balanced').waitFor();
  await page.locator('.attention').getByRole('link', { name: '4 dead letters' }).click();
  await reasons(page).filter({ hasText: 'document_parsing_exception' }).filter({ hasText: /es_subscriber.*3/ }).waitFor();
  await reasons(page).filter({ hasText: 'document is too long' }).waitFor();

  const letters = panel(page, 'Letters').getByRole('row', { name: /letter at \d+\.\d+/ });
  await letters.nth(3).waitFor();
  assert.equal(await letters.count(), 4);
  await letters.filter({ hasText: 'poison 1' }).getByRole('button', { name: /^Open the letter/ }).click();
  await page.locator('.letter').getByText('poison 1').waitFor();
  await page.locator('.letter').getByText('web-7').waitFor();
  await page.locator('.letter .record').getByText(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d UTC$/).waitFor();
  await page.getByRole('button', { name: 'Bytes' }).click();
  await page.locator('.letter pre', { hasText: /^000000 {2}1e / }).waitFor(); // a frame
  await accessible(page, 'Dead letters with an open letter');
  await shot(page, 'dead-letter');
}));

test('all that one group has is a row of its own, which leads to its letters', () => as('look', 'dead?by=group', async (page) => {
  const row = panel(page, 'By group').getByRole('row', { name: /^es_subscriber bulk 2 4 / });
  await row.getByRole('button', { name: 'es_subscriber' }).click();
  await page.waitForURL(/group=es_subscriber/);
  await page.getByText(/^oldest first · 4 letters/).waitFor();
  await accessible(page, 'Dead letters by group');
  await shot(page, 'dead-by-group');
  await panel(page, 'By group').getByRole('group', { name: 'Group by' }).getByRole('button', { name: 'Reason' }).click();
  await reasons(page).filter({ hasText: 'document is too long' }).waitFor();
}));

test('a viewer can change nothing, and the server refuses as well', () => as('look', 'dead', async (page) => {
  await reasons(page).nth(1).waitFor();
  for (const name of ['Replay 4 …', 'Drop 4 …']) await page.getByRole('button', { name, disabled: true }).waitFor();
  await page.getByText('Read-only: you are here as a viewer.').waitFor();
  for (const action of ['replay', 'drop']) {
    const status = await page.evaluate(async (action) => (await fetch(`/api/v2/dead/${action}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ stream: 'lagermeister-test', yes: true }) })).status, action);
    assert.equal(status, 403);
  }
  await accessible(page, 'Dead letters of a viewer');
}, { expected: /status of 40[13]/, theme: 'dark' }));

test('an operator replays what was refused: counted first, confirmed, done, on record, and the balance is 0', () => as('change', 'dead', async (page) => {
  await reasons(page).filter({ hasText: 'document_parsing_exception' }).getByRole('button').click();
  await page.getByRole('button', { name: 'Replay 3 …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Replay dead letters' });
  await dialog.getByText('3 letters').waitFor();
  await dialog.getByText('Nothing is changed yet.').waitFor();
  await accessible(page, 'the dialog that asks before a replay');
  await shot(page, 'dead-replay');

  // Escape changes nothing, and the focus is where it was.
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.match(await page.evaluate(() => document.activeElement.textContent), /^Replay 3/);
  assert.equal(far.documents.size, 20);

  const posts = far.posts;
  far.refuse = () => null; // somebody has mended the mapping
  await page.getByRole('button', { name: 'Replay 3 …' }).click();
  await dialog.getByText('3 letters').waitFor();
  assert.equal(far.posts, posts, 'counting sends nothing');
  await dialog.getByRole('button', { name: 'Replay 3' }).click();
  await dialog.getByText('3 letters asked to be delivered again.').waitFor();
  await accessible(page, 'the dialog after a replay');
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await panel(page, 'Changes').getByRole('row', { name: /replay done 3 of 3 .* operator token at 127\.0\.0\.1/ }).waitFor();

  await until('the far end has them', () => far.documents.size === 23);
  await go(page, '');
  await balance(page, '24 23 0 1 0');
}));

test('an operator drops a letter; its record stays counted as dead', () => as('change', 'dead', async (page) => {
  await page.getByRole('button', { name: 'Drop 1 …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Drop dead letters' });
  await dialog.getByText('1 letter').first().waitFor();
  await dialog.getByRole('button', { name: 'Drop 1 for good' }).click();
  await dialog.getByText('1 letter dropped').waitFor();
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await page.getByText('Nothing is dead-lettered').waitFor();
  await panel(page, 'Changes').getByRole('row', { name: /drop done 1 of 1/ }).waitFor();
  await accessible(page, 'Dead letters when none is left');
  await go(page, '');
  await balance(page, '24 23 0 1 0');
}));
