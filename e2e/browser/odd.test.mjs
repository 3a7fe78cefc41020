// Odd records are shown as they are, and the focus is never lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { panel, visit } from './lib/page.mjs';
import { until } from './lib/process.mjs';
import { send } from './lib/records.mjs';
import { sink } from './lib/sink.mjs';
import { suite, relay } from './lib/world.mjs';

const world = await relay();
const fields = { big: 9007199254740993n, small: -9223372036854775807n, few: 7n, 'a]b': 'with a bracket', a: 'another' };
await send(world.tcp, { payload: 'needle', fields }, { payload: 'hay', hostname: 'web-2' });
await until('both can be found', async () => (await (await fetch(`${world.url}api/v2/histogram?buckets=1`)).json()).counted === 2);
const search = (params = {}) => `${world.url}search?${new URLSearchParams(params)}`;
const field = (page, name) => page.locator('.f', { has: page.getByText(`Fields[${name}]`, { exact: true }) });
const focus = (page) => page.evaluate(() => document.activeElement.ariaLabel ?? document.activeElement.tagName);

test('integers are shown and copied with all of their digits, and none that is not exact is filtered for', () => visit(search({ text: 'needle' }), async (page) => {
  await page.locator('.log .vrow').getByRole('button').click();
  for (const [name, value] of Object.entries(fields)) await field(page, name).getByText(String(value), { exact: true }).waitFor();
  await page.getByRole('button', { name: 'JSON', exact: true }).click();
  await page.locator('pre', { hasText: '"heka.big": 9007199254740993,' }).and(page.locator('pre', { hasText: '"heka.small": -9223372036854775807,' })).waitFor();
  await page.getByRole('button', { name: 'Fields', exact: true }).click();
  assert.equal(await field(page, 'big').getByRole('button', { name: /^Filter/ }).count(), 0);
  assert.equal(await field(page, 'few').getByRole('button', { name: /^Filter/ }).count(), 2);

  await page.goto(`${world.url}tail`);
  await page.getByText('✓ all records').waitFor();
  await send(world.tcp, { payload: 'live', fields });
  await page.locator('.tailbox .vrow', { hasText: 'live' }).getByRole('button').click();
  await field(page, 'big').getByText('9007199254740993', { exact: true }).waitFor();
}));

test('when what had the focus goes away, what is around it has the focus', () => visit(search({ q: "Payload == 'needle' && Logger == 'test'", range: '1h' }), async (page) => {
  await page.locator('.log .vrow').waitFor();
  await page.getByRole('button', { name: "Remove the filter Payload == 'needle'" }).press('Enter');
  await page.locator('.chip', { hasText: 'needle' }).waitFor({ state: 'detached' });
  assert.match(await focus(page), /^Remove the filter|^Query$/);
  await page.getByRole('button', { name: /^Remove the filter/ }).press('Enter');
  await page.getByText('no filters').waitFor();
  await until('the query has it', async () => (await focus(page)) === 'Query');

  await page.locator('.log .vrow').nth(1).getByRole('button').press('Enter');
  await page.locator('.vopen').getByRole('button', { name: 'Filter for this Hostname' }).press('Enter');
  await page.locator('.vopen').waitFor({ state: 'detached' });
  await until('the rows have it', async () => (await focus(page)) === 'Matching records');

  await page.getByLabel('Words in the payload').focus();
  await page.keyboard.press('Escape');
  await page.getByLabel('Clear the words').waitFor({ state: 'detached' });
  assert.equal(await focus(page), 'BODY', 'what was given up stays given up');
}));

test('Tab goes over the rows, which j and k walk through; without these keys it goes through them', async () => {
  for (const shortcuts of [true, false]) {
    await visit(search(), async (page) => {
      const rows = page.locator('.log .vrow');
      await rows.nth(1).waitFor();
      await page.locator('.log').focus();
      await page.keyboard.press('Tab');
      assert.equal(await rows.nth(0).getByRole('button').evaluate((e) => e === document.activeElement), !shortcuts);
      if (!shortcuts) return;
      await page.getByRole('button', { name: 'wrap' }).and(page.locator(':focus')).waitFor();
      await page.keyboard.press('j');
      await page.keyboard.press('Shift+Tab');
      assert.equal(await rows.nth(0).getByRole('button').evaluate((e) => e === document.activeElement), true, 'the selected one can be reached');
    }, { settings: { shortcuts } });
  }
});

test('with forced colours what is pressed and where one is look otherwise', () => visit(search(), async (page) => {
  const back = (of) => of.evaluate((e) => getComputedStyle(e).backgroundColor);
  const toggle = (name) => page.getByRole('button', { name, exact: true });
  assert.notEqual(await back(toggle('Whole words')), await back(toggle('Match case')));
  const rail = page.locator('.rail');
  assert.notEqual(await back(rail.getByRole('link', { name: 'Search' })), await back(rail.getByRole('link', { name: 'Live tail' })));
}, { forcedColors: 'active' }));

test('long hostnames leave room for reasons and payloads, own times are of the zone that is named, and after a replay the focus is kept', async () => {
  const far = await sink();
  far.refuse = () => ({ status: 400, type: 'document_parsing_exception', reason: 'failed to parse' });
  const s = await suite({ ESSUB_REMOTE_URL: far.url, ESSUB_MAX_REFUSED: '1' });
  await s.start('nats', 'proxy', 'receiver', 'subscriber');
  await send(s.tcp, { payload: 'one', hostname: 'a-very-long-hostname-'.repeat(12) }, { payload: 'two' });
  await until('both are dead', async () => (await (await fetch(`${s.url}api/v2/dead`)).json()).streams?.[0]?.letters === 2);
  await visit(`${s.url}dead`, async (page) => {
    const letters = panel(page, 'Letters'), payload = letters.getByRole('cell', { name: 'one', exact: true });
    await payload.waitFor();
    const table = await letters.locator('.scroll').evaluate((e) => [e.clientWidth, e.scrollWidth]);
    assert.equal(table[1], table[0], 'nothing is out of sight');
    assert.ok((await letters.getByRole('cell', { name: /^400 document_parsing/ }).first().boundingBox()).width > 300);

    await page.getByLabel('First refused').selectOption('from … to');
    await page.getByLabel('From (UTC+05:30)').fill('2020-01-01T05:30:00');
    await page.waitForURL(/from=2020-01-01T00%3A00%3A00\.000Z/);
    assert.equal(await page.getByLabel('From (UTC+05:30)').inputValue(), '2020-01-01T05:30');
    await page.keyboard.press('Escape');
    await page.locator('h1').click();
    await page.keyboard.press('/');
    await until('the focus is in the spec', () => page.getByLabel('Match spec').evaluate((e) => e === document.activeElement));

    await letters.getByRole('checkbox', { name: /^Choose the letter/ }).first().check();
    await page.getByRole('button', { name: 'Replay 1 chosen …' }).press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Replay 1' }).press('Enter');
    await page.getByRole('dialog').getByText('1 letter asked to be delivered again.').waitFor();
    await page.keyboard.press('Escape');
    await panel(page, 'Changes').getByRole('row', { name: /replay done 1 of 1/ }).waitFor();
    assert.notEqual(await focus(page), 'BODY');
  }, { timezoneId: 'Asia/Kolkata' });
});
