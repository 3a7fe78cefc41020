// The live tail shows what matches, and says what it does not show.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessible, go, shot, visit } from './lib/page.mjs';
import { until } from './lib/process.mjs';
import { generate, relay } from './lib/world.mjs';

const world = await relay();
generate(world.tcp, { GEN_RATE: '2000' }); // four times what a tail shows

const SEVERE = "Severity <= 3 && Hostname =~ /^web-[12]/"; // some 200 a second
const url = (q = '') => `${world.url}tail?${new URLSearchParams(q ? { q } : {})}`;
const records = (page) => page.locator('.tailbox .vrow:not(.between)');
const state = (page, text) => page.locator('.taillist header').getByText(text, { exact: true }).waitFor();
const newest = async (page) => (await records(page).last().textContent());

test('Severity <= 3 shows only those', () => visit(url(), async (page) => {
  await records(page).nth(10).waitFor();
  await page.getByLabel('Match spec').fill('Severity <= 3');
  await page.getByText('✓ valid').waitFor();
  await page.getByRole('button', { name: 'Clear' }).click();
  const seen = {};
  await until('each of four severities was seen', async () => {
    for (const severity of await page.locator('.tailbox .sev').allTextContents()) seen[severity] = true;
    return Object.keys(seen).length >= 4;
  });
  await records(page).nth(20).waitFor();
  for (const severity of await page.locator('.tailbox .sev').allTextContents()) seen[severity] = true;
  assert.deepEqual(Object.keys(seen).sort(), ['ALERT', 'CRIT', 'EMERG', 'ERROR']);
  assert.match(page.url(), /q=Severity/, 'the query is in the link');
}));

test('what comes faster than 500 rows a second is skipped, and said in its place', () => visit(url(), async (page) => {
  const gap = page.locator('.gapline', { hasText: /^[\d,]+ records skipped in [\d.]+ s \(more than 500 rows\/s\)$/ });
  await gap.first().waitFor();
  const header = page.locator('.taillist header');
  await header.getByText(/^shown [1-9]\d?(\.\d)? %$/).waitFor(); // of some 2,000 a second
  await accessible(page, 'Live tail that skips');
  await shot(page, 'tail-skipping');
}));

test('button, Space and scrolling up hold the list while its counters go on; Resume and End follow again', () => visit(url(SEVERE), async (page) => {
  await records(page).nth(25).waitFor();
  const fresh = page.getByRole('button', { name: /new · End/ });
  const held = async () => {
    const before = await newest(page), count = await fresh.textContent();
    await until('more came meanwhile', async () => (await fresh.textContent()) !== count);
    assert.equal(await newest(page), before, 'the list stands still');
    return before;
  };
  const follows = async (before) => {
    await state(page, 'Following');
    await until('the list moves on', async () => (await newest(page)) !== before);
  };

  await page.getByRole('button', { name: 'Pause' }).click();
  await state(page, 'Paused');
  let before = await held();
  await page.getByRole('button', { name: 'Resume' }).click();
  await follows(before);

  await page.locator('body').press('Space');
  await state(page, 'Paused');
  before = await held();
  await page.locator('body').press('Space');
  await follows(before);

  await until('there is something to scroll', () => page.locator('.tailbox .virtual').evaluate((e) => e.scrollHeight > 2 * e.clientHeight));
  await page.locator('.tailbox .virtual').hover();
  await page.mouse.wheel(0, -400);
  await state(page, 'Paused to read');
  before = await held();
  await page.locator('body').press('End');
  await follows(before);
}));

test('a spec with a mistake keeps the filter before it going', () => visit(url(SEVERE), async (page) => {
  await records(page).nth(5).waitFor();
  await page.getByLabel('Match spec').fill('Severity <= 3 && Hostnam == 1');
  const check = page.locator('#tail-check');
  await check.getByText('Still showing').waitFor();
  assert.equal(await check.locator('mark').textContent(), 'H', 'the place is marked');
  assert.equal((await check.locator('pre').textContent()).indexOf('Hostnam'), 'Severity <= 3 && '.length);
  const before = await newest(page);
  await until('rows of the old filter come', async () => (await newest(page)) !== before);
  await accessible(page, 'Live tail with a mistake in its spec');
}));

test('an open record stays while others come', () => visit(url(SEVERE), async (page) => {
  await records(page).nth(5).waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await records(page).nth(3).getByRole('button').click();
  const detail = page.locator('.taildetail');
  await detail.getByText('web-').waitFor();
  await accessible(page, 'Live tail with an open record');
  await shot(page, 'tail-record');
}));

test('nothing is tailed once the page is left', () => visit(url(SEVERE), async (page) => {
  const open = async () => Number(/^lagermeister_dashboard_tails\S* (\d+)/m.exec(await (await fetch(`${world.admin}/metrics`)).text())[1]);
  await records(page).nth(5).waitFor();
  assert.equal(await open(), 1);
  await go(page, 'settings');
  await until('the server tails for nobody', async () => (await open()) === 0);
}));
