// Everything that is done often can be done with the keyboard alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { names, visit } from './lib/page.mjs';
import { until } from './lib/process.mjs';
import { generate, relay } from './lib/world.mjs';

const world = await relay();
await generate(world.tcp, { GEN_COUNT: '500', GEN_RATE: '0' }).sent();
await until('all records can be found', async () => (await (await fetch(`${world.url}api/v2/histogram?buckets=1`)).json()).counted === 500);

const press = async (page, ...keys) => { for (const key of keys) await page.keyboard.press(key); };
const focused = (page, what) => until(`the focus is on ${what}`, () => page.evaluate((what) => document.activeElement?.matches(what), what));

test('g and a letter go to each page, and the focus goes to its heading', () => visit(world.url, async (page) => {
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  for (const [key, name] of [['p', 'pipeline'], ['s', 'search'], ['t', 'tail'], ['d', 'dead'], ['c', 'consumers'], [',', 'settings'], ['o', '']]) {
    await press(page, 'g', key);
    await page.getByRole('heading', { level: 1, name: names[name], exact: true }).waitFor();
    await focused(page, 'h1');
    assert.equal(new URL(page.url()).pathname, `/${name}`);
  }
  await page.goBack();
  await page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor();
}));

test('? lists the keys of the page, Escape closes the list, and the focus goes back', () => visit(`${world.url}search`, async (page) => {
  await page.getByRole('button', { name: 'Keyboard shortcuts' }).focus();
  await press(page, '?');
  const dialog = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  for (const what of ['All shortcuts', 'To the search box', 'Next row', 'Open or close the row', 'Context of the row', 'Shorter time range', 'Tail this query', 'Switch the theme', 'Overview']) await dialog.getByText(what).first().waitFor();
  await press(page, 'g', 'o'); // nothing below a dialog listens
  await press(page, 'Escape');
  await dialog.waitFor({ state: 'hidden' });
  await focused(page, 'button[aria-label="Keyboard shortcuts"]');
  assert.equal(new URL(page.url()).pathname, '/search');

  await page.getByRole('button', { name: 'Last 15 minutes' }).press('Enter');
  await page.getByRole('dialog', { name: 'Time range' }).waitFor();
  await press(page, 'Escape');
  await page.getByRole('dialog', { name: 'Time range' }).waitFor({ state: 'hidden' });
  await until('the focus is back', () => page.evaluate(() => /Last 15 minutes/.test(document.activeElement.textContent)));
}));

test('j, k, Enter, x and Escape walk through the rows of a search', () => visit(`${world.url}search`, async (page) => {
  const rows = page.locator('.log .vrow');
  await rows.nth(5).waitFor();
  const selected = async () => (await rows.evaluateAll((list) => list.map((e) => e.classList.contains('sel')))).indexOf(true);
  await press(page, 'j', 'j', 'j', 'k');
  await until('the second row is selected', async () => (await selected()) === 1);
  await press(page, 'Enter');
  await page.locator('.vopen .fields').waitFor();
  assert.match(page.url(), /row=/);
  await press(page, 'x');
  await page.locator('.vopen .ctx [aria-current]').waitFor();
  await press(page, 'Escape');
  await page.locator('.vopen').waitFor({ state: 'detached' });

  await press(page, 'o');
  await page.locator('.vopen').waitFor();
  await press(page, 'j');
  await until('the next row is open instead', async () => (await selected()) === 2 && (await page.locator('.vopen').count()) === 1);
}));

test('j, Enter, l and Escape do the same on the live tail, which stands still meanwhile', () => visit(`${world.url}tail`, async (page) => {
  await page.getByText('✓ all records').waitFor();
  await generate(world.tcp, { GEN_COUNT: '20', GEN_RATE: '0' }).sent();
  await page.locator('.tailbox .vrow').nth(10).waitFor();
  const state = (text) => page.locator('.taillist header').getByText(text, { exact: true }).waitFor();
  await state('Following');
  await press(page, 'k', 'k', 'Enter');
  await page.locator('.taildetail').waitFor();
  await state('Paused to read');
  await press(page, 'Escape');
  await page.locator('.taildetail').waitFor({ state: 'detached' });
  await press(page, 'Escape');
  await state('Following');
  await press(page, 'l');
  await page.getByRole('heading', { level: 1, name: 'Search' }).waitFor();
}));

test('/ goes to the box, and while typing no key does anything else', () => visit(`${world.url}search`, async (page) => {
  await page.locator('.log .vrow').nth(5).waitFor();
  const theme = await page.evaluate(() => document.documentElement.dataset.theme);
  await press(page, '/');
  await focused(page, 'input[aria-label="Words in the payload"]');
  await page.keyboard.type('got? [j] /t gs');
  assert.equal(await page.getByLabel('Words in the payload').inputValue(), 'got? [j] /t gs');
  assert.equal(new URL(page.url()).pathname + new URL(page.url()).search, '/search');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), theme);
  assert.equal(await page.getByRole('dialog').count(), 0);
  await press(page, 'Escape');
  await focused(page, 'body');
  await press(page, 'Control+j', 'Alt+t', 'Meta+j');
  assert.equal(await page.locator('.log .sel').count(), 0, 'with Ctrl, Alt or Meta they are not ours');
}));

test('[ and ] change the window, Space stops what moves, t changes the theme', () => visit(world.url, async (page) => {
  const window = (text) => page.getByRole('group', { name: 'Time window' }).locator('[aria-pressed=true]', { hasText: text }).waitFor();
  await window('15m');
  await press(page, ']');
  await window('1h');
  assert.match(page.url(), /w=1h/);
  await press(page, '[', '[');
  await window('5m');

  await press(page, 'Space');
  await page.getByRole('button', { name: 'Resume', pressed: true }).waitFor();
  await press(page, 'Space');
  await page.getByRole('button', { name: 'Pause', pressed: false }).waitFor();

  await press(page, 't');
  const dark = () => page.evaluate(() => document.documentElement.dataset.theme === 'dark');
  await until('the page is dark', dark);
  await page.reload();
  await until('the browser remembers it', dark);
}));

test('a chart is read out, its moments can be walked through, and it is a table too', () => visit(world.url, async (page) => {
  const chart = page.getByRole('img', { name: /^Throughput in, .*tcp [\d.]+/ });
  await chart.focus();
  const card = page.locator('section.chart', { has: page.getByRole('heading', { name: 'Throughput in' }) });
  await press(page, 'ArrowLeft', 'ArrowLeft');
  await card.locator('.unit', { hasText: /^\d\d:\d\d:\d\d/ }).waitFor();
  const table = card.getByRole('button', { name: 'Throughput in as a table' });
  await table.press('Enter');
  await card.getByRole('columnheader', { name: 'tcp' }).waitFor();
}));

test('while a page is on its way nothing is said of it, and the focus stays where it is', () => visit(`${world.url}settings`, async (page) => {
  let release;
  const held = new Promise((done) => { release = done; });
  await page.route('**/overview.js', async (route) => { await held; await route.continue(); });
  await page.goto(world.url, { waitUntil: 'commit' });
  await page.getByRole('link', { name: 'Overview' }).waitFor();
  assert.equal(await page.getByText('could not be loaded').count(), 0);
  release();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await focused(page, 'body');
}));

test('the first Tab offers to skip to the content', () => visit(world.url, async (page) => {
  await page.getByRole('heading', { level: 1 }).waitFor();
  await press(page, 'Tab');
  await focused(page, 'a.skip');
  await press(page, 'Enter');
  await focused(page, 'main');
}));

test('shortcuts can be switched off', () => visit(`${world.url}settings`, async (page) => {
  await page.getByRole('group', { name: 'Single-key shortcuts' }).getByRole('button', { name: 'Off' }).click();
  await page.getByRole('heading', { level: 1 }).click();
  await press(page, 'g', 'o', '?', 't');
  assert.equal(new URL(page.url()).pathname, '/settings');
  assert.equal(await page.getByRole('dialog').count(), 0);
}));
