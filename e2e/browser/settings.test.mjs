// What the program runs with: for operators, and without secrets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessible, fits, panel, shot, visit, visitAs } from './lib/page.mjs';
import { sink } from './lib/sink.mjs';
import { relay, suite } from './lib/world.mjs';

// Every secret holds this word.
const SECRET = 'hunter2';

const far = await sink(), host = new URL(far.url).host;
const world = await relay({
  PROXY_TOKEN: 'look', PROXY_OPERATOR_TOKEN: `${SECRET}-operator`, RELAY_HUB_URL: `nats://${SECRET}@127.0.0.1:1`,
  ESSUB_REMOTE_URL: `http://user:${SECRET}@${host}/${SECRET}?key=${SECRET}`, PROXY_ENVIRONMENT: 'test',
});
const ask = (token) => fetch(`${world.url}api/v2/settings`, { headers: { Authorization: `Bearer ${token}` } });
const as = (token, use, options) => visitAs(token, `${world.url}settings`, (page) => use(page, panel(page, 'Configuration')), { expected: /401/, ...options });

// silent fails when a secret is in the page: its text, its attributes, its fields.
async function silent(page) {
  const html = await page.evaluate(() => document.documentElement.outerHTML + [...document.querySelectorAll('input, textarea')].map((i) => i.value).join(' '));
  assert.ok(!html.includes(SECRET), `a secret is in the page: ${html.slice(Math.max(0, html.indexOf(SECRET) - 200)).slice(0, 300)}`);
}

for (const [theme, width] of [['light', 1440], ['dark', 390]]) {
  test(`an operator sees every setting and no secret, ${theme} at ${width} px`, () => as(`${SECRET}-operator`, async (page, conf) => {
    await conf.getByRole('row', { name: /^PROXY_OPERATOR_TOKEN set secret/ }).waitFor();
    await conf.getByRole('row', { name: new RegExp(`^ESSUB_REMOTE_URL set http://${host} · masked`) }).waitFor();
    await conf.getByRole('row', { name: /^RELAY_HUB_URL set nats:\/\/127\.0\.0\.1:1 · masked/ }).waitFor();
    await silent(page);
    await fits(page, [390, 1100, 2560, width]);
    await conf.scrollIntoViewIfNeeded();
    await shot(page, `configuration-${theme}`);
    await accessible(page, 'Settings with its configuration');

    await conf.getByRole('button', { name: 'Only what is set' }).click();
    await conf.getByLabel('Name').fill('proxy_');
    await conf.getByText('4 variables shown').waitFor();
    assert.deepEqual(await conf.locator('tbody code').filter({ hasText: /^PROXY_/ }).allTextContents(), ['PROXY_HTTP_PORT', 'PROXY_TOKEN', 'PROXY_OPERATOR_TOKEN', 'PROXY_ENVIRONMENT']);
    await page.evaluate(() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; });
    await conf.getByRole('button', { name: 'Copy what is set' }).click();
    await page.waitForFunction(() => window.copied);
    assert.equal(await page.evaluate(() => window.copied), 'PROXY_HTTP_PORT=0\n# PROXY_TOKEN is set: a secret\n# PROXY_OPERATOR_TOKEN is set: a secret\nPROXY_ENVIRONMENT=test\n');
  }, { theme, width }));
}

test('the answer is for operators alone and holds no secret', async () => {
  const answer = await ask(`${SECRET}-operator`), text = await answer.text();
  assert.equal(answer.status, 200);
  assert.ok(text.includes('"ESSUB_REMOTE_PASSWORD"') && !text.includes(SECRET), text);
  const viewer = await ask('look'), problem = await viewer.json();
  assert.deepEqual([viewer.status, viewer.headers.get('content-type')], [403, 'application/problem+json']);
  assert.match(problem.detail, /hosts, files and addresses/);
  assert.equal((await ask('wrong')).status, 401);
});

test('a viewer is told why there is nothing to see', () => as('look', async (page, conf) => {
  await conf.getByText('For operators only').waitFor();
  assert.equal(await conf.getByRole('table').count(), 0);
  await silent(page);
  await accessible(page, 'Settings of a viewer');
}));

test('stats_proxy shows its own', async () => {
  const s = await suite({ PROXY_REMOTE_URL: `http://user:${SECRET}@${host}` });
  s.proxy.env.PROXY_NATS_URL = `nats://${SECRET}@127.0.0.1:${s.natsPort}`;
  await s.start('nats', 'proxy');
  await visit(`${s.url}settings`, async (page) => {
    const conf = panel(page, 'Configuration');
    await conf.getByText(/^of stats_proxy, /).waitFor();
    await conf.getByRole('row', { name: new RegExp(`^PROXY_REMOTE_URL set http://${host} · masked`) }).waitFor();
    await panel(page, 'Connection').getByText(`127.0.0.1:${s.natsPort}`).waitFor();
    await silent(page);
  });
});
