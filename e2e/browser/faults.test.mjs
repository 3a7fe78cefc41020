// The dashboard's server is new, is gone, comes back, or lets nobody in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessible, go, names, panel, pill, shot, visit } from './lib/page.mjs';
import { until } from './lib/process.mjs';
import { send } from './lib/records.mjs';
import { sink } from './lib/sink.mjs';
import { generate, suite } from './lib/world.mjs';

const lost = /ERR_CONNECTION_(REFUSED|RESET)|ERR_EMPTY_RESPONSE|WebSocket connection to/; // what the browser says of a server that is away
const banner = (page) => page.locator('.note');
const accounting = (page) => panel(page, 'Accounting');

const s = await suite({ ESSUB_REMOTE_URL: (await sink()).url });

test('before anything was received each page says so, and what to do', async () => {
  await s.start('nats', 'proxy');
  await visit(s.url, async (page) => {
    await pill(page).getByText('Connected, no events yet').waitFor();
    await page.getByText('No receiver has reported.').waitFor();
    await page.getByText('go run ./log_generator').waitFor();
    await page.locator('code', { hasText: 'stats-events' }).waitFor();
    await accounting(page).getByText('No group reads the stream yet').waitFor();
    await panel(page, 'Consumers').getByText('There is no stream yet').waitFor();
    await accessible(page, 'Overview without data');
    await shot(page, 'fault-nothing-yet');
    for (const [name, text] of [
      ['pipeline', 'There is nothing to draw yet'], ['search', 'No search store is connected'], ['tail', 'Waiting for records'], ['dead', /No dead letters are kept yet|Nothing is dead-lettered/], ['consumers', 'go run ./tcp_receiver'],
    ]) {
      await go(page, name);
      await page.getByText(text).first().waitFor();
      await accessible(page, `${names[name]} without data`);
    }

    // What comes then is there without a reload.
    await go(page, '');
    await s.start('receiver', 'subscriber');
    await send(s.tcp, { payload: 'the first' });
    await pill(page).getByText(/^Live/).waitFor();
    await accounting(page).getByRole('row', { name: /es_subscriber 1 1 / }).waitFor();
    await accounting(page).getByText('Balanced').waitFor();
  });
});

test('receivers that get nothing are shown at 0, and one that is gone turns late, then silent', () => visit(s.url, async (page) => {
  await page.locator('.kpi', { hasText: 'Received' }).locator('.v', { hasText: /^0\s*msg\/s/ }).waitFor();
  const row = panel(page, 'Last seen').getByRole('row', { name: 'tcp-receiver' });
  await row.getByText('reporting').waitFor({ state: 'attached' });
  await s.receiver.kill();
  await row.getByText('late').waitFor({ state: 'attached' });
  await row.getByText('silent').waitFor({ state: 'attached' });
  await page.locator('.attention').getByText('tcp-receiver').waitFor();
  await page.locator('.attention').getByText(/has been silent for/).waitFor();
  await accessible(page, 'Overview with a silent receiver');
  await shot(page, 'fault-silent-receiver');
  await s.start('receiver');
  await row.getByText('reporting').waitFor({ state: 'attached' });

  // The new process says since when it runs; the one before is not heard any more.
  await go(page, 'pipeline');
  await panel(page, 'Events').getByText(/receiver restarted after \d+ s of silence, version \S+$/).waitFor();
  await panel(page, 'Receivers').getByRole('row', { name: /tcp-receiver/ }).getByTitle(/^tcp-receiver on \S+ since /).getByText(/^\d+ s$/).waitFor();
  await panel(page, 'Receivers').getByTitle(/^0 received = 0 stored \+ 0 filtered \+ 0 rejected \+ 0 in flight$/).getByText('0', { exact: true }).waitFor(); // of the new process
  await panel(page, 'Stages').getByRole('row', { name: /^Receive / }).getByTitle(/^tcp-receiver on \S+ since /).waitFor();
  assert.equal(await panel(page, 'Events').getByText('or its connection was lost').count(), 0, 'nothing is guessed');
  await accessible(page, 'Pipeline after a restart');
  await shot(page, 'fault-restarted-receiver');
  await s.receiver.stop();
  await panel(page, 'Events').getByText(/receiver stopped, version \S+$/).waitFor();
  await s.start('receiver');
  await panel(page, 'Events').getByText(/receiver restarted, .+ after it had stopped, version \S+$/).waitFor();

  await go(page, 'consumers');
  await page.getByRole('button', { name: 'Members of es_subscriber' }).click();
  await page.getByText(/^up \d+ (s|min) · \S+$/).waitFor();
}, { settings: { seenWarn: 3, seenError: 6 } }));

test('kill -9 of the proxy: red, dimmed, dated, nothing can be changed; it returns by itself', async () => {
  const generator = generate(s.tcp, { GEN_RATE: '50' });
  await visit(s.url, async (page) => {
    await accounting(page).getByText('Balanced').waitFor();
    await panel(page, 'Throughput in').getByRole('img').waitFor();
    await until('the other pages are here', () => page.evaluate(() => ['pipeline.js', 'tail.js', 'settings.js'].every((file) => performance.getEntriesByType('resource').some((r) => r.name.endsWith(file)))));
    await s.proxy.kill();

    await pill(page).getByText(/Disconnected · retry/).waitFor();
    await page.getByRole('button', { name: 'Retry now' }).waitFor();
    await banner(page).getByText(/^Disconnected since \d\d:\d\d:\d\d/).waitFor();
    for (const title of ['Accounting', 'Throughput in', 'Lag', 'Consumers', 'Last seen']) await panel(page, title).locator('.asof', { hasText: /^as of \d\d:\d\d:\d\d$/ }).waitFor();
    await page.locator('.kpis.stale').waitFor();
    assert.match(await page.locator('.kpi', { hasText: 'Received' }).locator('.v').textContent(), /^\d+msg\/s$/, 'the last figures stay');
    await accounting(page).getByText('Paused').waitFor();
    assert.equal(await accounting(page).getByText(/Balanced|✓/).count(), 0, 'old figures are never called balanced');
    await page.getByText('NATS –').waitFor(); // what is not known
    await accessible(page, 'Overview without a server');
    await shot(page, 'fault-disconnected');

    await go(page, 'pipeline');
    await page.getByRole('button', { name: 'Set baseline now', disabled: true }).waitFor();
    await accessible(page, 'Pipeline without a server');
    await go(page, 'tail');
    await page.getByText('Not connected: nothing arrives').waitFor();
    await go(page, '');

    await s.start('proxy');
    await pill(page).getByText(/^Live · [1-9]/).waitFor();
    await accounting(page).getByText('Balanced').waitFor();
    await until('nothing is called old', async () => (await page.locator('.asof, .stale').count()) === 0);
    assert.equal(await banner(page).count(), 0);
    await go(page, 'settings');
    await panel(page, 'Connection').getByText('once').waitFor();
  }, { expected: lost });
  await generator.stop();
});

test('a page that was never loaded says so while the server is away, and comes when it is back', () => visit(s.url, async (page) => {
  await pill(page).getByText(/^Live/).waitFor();
  await page.route('**/pipeline.js', (route) => route.abort()); // it may have been fetched in advance
  await page.reload();
  await s.proxy.kill();
  await pill(page).getByText('Disconnected').waitFor();
  await go(page, 'pipeline');
  await page.getByText('This page could not be loaded').waitFor();
  await accessible(page, 'a page that could not be loaded');
  await page.unroute('**/pipeline.js');
  await s.start('proxy');
  await accounting(page).getByText('Balanced').waitFor();
}, { expected: new RegExp(`${lost.source}|ERR_FAILED`) }));

test('without a token nobody sees anything; with it one is where one wanted to be, and its end is said', async () => {
  const guarded = await suite({ PROXY_TOKEN: 'look', PROXY_OPERATOR_TOKEN: 'change' });
  await guarded.start('nats', 'proxy');
  await visit(`${guarded.url}consumers?group=x`, async (page) => {
    await page.getByLabel('Token').waitFor();
    await accessible(page, 'sign-in');
    await shot(page, 'fault-unauthorised');
    await page.getByLabel('Token').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('This is none of the tokens').waitFor();
    await accessible(page, 'sign-in with a wrong token');
    await page.getByLabel('Token').fill('look');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Consumers' }).waitFor();
    assert.equal(page.url(), `${guarded.url}consumers?group=x`);
    await pill(page).getByText(/Connected|Live/).waitFor();

    await guarded.proxy.kill();
    guarded.proxy.env.PROXY_TOKEN = 'another';
    await guarded.start('proxy');
    await pill(page).getByText('Signed out').waitFor();
    await accessible(page, 'Consumers, signed out');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByLabel('Token').waitFor();
  }, { expected: new RegExp(`${lost.source}|status of 401`) });
});
