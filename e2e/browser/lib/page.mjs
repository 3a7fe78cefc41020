// Pages in a real browser.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { PATIENCE, folder } from './process.mjs';

export const SHOTS = process.env.SCREENSHOTS ?? join(import.meta.dirname, '../screenshots');
mkdirSync(SHOTS, { recursive: true });

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

// The browser of this test file.
export const browser = await chromium.launch({ executablePath: CHROMIUM, args: flags });
after(() => browser.close());

// rendering tells how many seconds of a core the pages of a browser have used.
export async function rendering(of = browser) {
  const cdp = await of.newBrowserCDPSession();
  return async () => (await cdp.send('SystemInfo.getProcessInfo')).processInfo.filter((p) => p.type === 'renderer').reduce((sum, p) => sum + p.cpuTime, 0);
}

// ordinary starts a browser whose tabs hide one another as a user's do; those of
// visit are always seen.
export async function ordinary() {
  const child = spawn(CHROMIUM, ['--headless', '--remote-debugging-port=0', `--user-data-dir=${folder()}`, ...flags, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
  after(() => child.kill('SIGKILL'));
  const address = await new Promise((known) => child.stderr.on('data', (text) => /ws:\S+/.test(text) && known(/ws:\S+/.exec(text)[0])));
  return chromium.connectOverCDP(address, { noDefaults: true });
}

export const names = { '': 'Overview', pipeline: 'Pipeline', search: 'Search', tail: 'Live tail', dead: 'Dead letters', consumers: 'Consumers', settings: 'Settings' };

// visit opens url, hands the page over, and closes it. Whatever goes wrong in the
// page meanwhile fails the test: errors on the console, uncaught ones, violations
// of the content security policy, requests to anybody else. expected is a pattern of
// what the browser itself says of a fault that the test makes.
export async function visit(url, use, { theme = 'light', width = 1440, height = 900, expected = null, settings = null, ...more } = {}) {
  const context = await browser.newContext({ colorScheme: theme, viewport: { width, height }, timezoneId: 'UTC', ...more });
  context.setDefaultTimeout(PATIENCE);
  const troubles = [];
  const trouble = (text) => expected?.test(text) || troubles.push(text);
  context.on('console', (m) => m.type() === 'error' && trouble(m.text()));
  context.on('weberror', (e) => trouble(String(e.error().stack ?? e.error())));
  context.on('request', (r) => new URL(r.url()).host === new URL(url).host || /^(data|blob):/.test(r.url()) || trouble(`request to ${r.url()}`));
  await context.addInitScript(watch, settings);
  const page = await context.newPage();
  try {
    await page.goto(url);
    await use(page);
  } catch (e) {
    const file = join(SHOTS, `failed-${Date.now() % 1e8}.png`);
    await page.screenshot({ path: file }).catch(() => {});
    throw new Error([e.message, `at ${page.url()}, see ${file}`, ...troubles.map((t) => `the page says: ${t}`)].join('\n'), { cause: e });
  } finally {
    await context.close();
  }
  assert.deepEqual(troubles, [], 'nothing goes wrong in the page');
}

// visitAs signs in first, with a token.
export const visitAs = (token, url, use, options) => visit(url, async (page) => {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await pill(page).getByText(/Live|Connected/).waitFor();
  await use(page);
}, { expected: /status of 401/, ...options });

// watch runs in the page before anything else.
function watch(settings) {
  if (settings && location.protocol === 'http:') localStorage.setItem('lagermeister', JSON.stringify(settings));
  document.addEventListener('securitypolicyviolation', (e) => console.error(`content security policy: ${e.violatedDirective} forbids ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const shift of list.getEntries()) if (!shift.hadRecentInput) window.shifts.push({ value: shift.value, of: shift.sources.map((s) => `${s.node?.nodeName}.${s.node?.className} ${JSON.stringify(s.previousRect)} -> ${JSON.stringify(s.currentRect)}`) });
  }).observe({ type: 'layout-shift', buffered: true });
}

// accessible fails with what axe-core finds wrong.
export async function accessible(page, what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => `${n.target} ${n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? ''}`).join('; ')}`), [], `axe-core on ${what}`);
}

export const shot = (page, name) => page.screenshot({ path: join(SHOTS, `${name}.png`) });

// fits fails when the page is wider than the window at one of these widths.
export async function fits(page, widths) {
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 });
    const over = await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(document.documentElement.scrollWidth - innerWidth)))));
    assert.ok(over <= 0, `no sideways scroll at ${width} px, but ${over} px`);
  }
}

// panel is the card with a title.
export const panel = (page, title) => page.locator('section.card', { has: page.getByRole('heading', { name: title, exact: true }) });
export const pill = (page) => page.locator('.conn');

// go follows the rail to a page.
export async function go(page, name) {
  await page.locator('.rail').getByRole('link', { name: names[name] }).click();
  await page.getByRole('heading', { level: 1, name: names[name], exact: true }).waitFor();
}
