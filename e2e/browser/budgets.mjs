// What a page may cost. Figures are seconds of CPU, which depend less than time on
// what else the machine does, and are printed. What fails is twice the goal, since
// caches and clocks are shared all the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ordinary, panel, pill, rendering, visit } from './lib/page.mjs';
import { until } from './lib/process.mjs';
import { sink } from './lib/sink.mjs';
import { generate, suite } from './lib/world.mjs';

// One record in eight goes to the sink: it is not what is measured.
const far = await sink(), s = await suite({ ESSUB_REMOTE_URL: far.url, ESSUB_MATCH_SPEC: 'Severity == 0' });
await s.start('nats', 'proxy', 'receiver', 'subscriber');

const renderers = await rendering();
const SPAN = 5; // seconds of each measurement
const seconds = (n) => new Promise((over) => setTimeout(over, n * 1000));

// share measures what somebody uses of a core for n seconds.
async function share(cpu, n) {
  const before = await cpu(), began = performance.now();
  await seconds(n);
  return (await cpu() - before) / ((performance.now() - began) / 1000);
}

function within(what, value, limit, unit = '% of a core') {
  console.log(`${what}: ${value.toFixed(1)} ${unit} (at most ${limit})`);
  assert.ok(value <= limit, `${what}: ${value.toFixed(1)} ${unit}, over ${limit}`);
}

const overview = async (page) => {
  await pill(page).getByText(/^Live · [1-9]/).waitFor();
  await panel(page, 'Throughput in').getByRole('img').waitFor();
  await until('the other pages are fetched, too', () => page.evaluate(() => performance.getEntriesByType('resource').filter((r) => /\/\w+\.js$/.test(r.name)).length >= 9));
  await seconds(1);
};

test('Overview at ordinary load', async () => {
  const generator = generate(s.tcp, { GEN_RATE: '300' });
  await visit(s.url, async (page) => {
    await overview(page);
    within('renderer, Overview, 300 records/s', 100 * await share(renderers, SPAN), 20);
  });
  await generator.stop();
});

test('Overview in a tab that nobody sees', async () => {
  const generator = generate(s.tcp, { GEN_RATE: '300' });
  const browser = await ordinary(), used = await rendering(browser);
  const page = await browser.contexts()[0].newPage();
  await page.goto(s.url);
  await overview(page);
  await (await browser.contexts()[0].newPage()).bringToFront();
  await until('the page is hidden', () => page.evaluate(() => document.hidden));
  within('renderer, Overview, hidden', 100 * await share(used, SPAN), 1);
  await browser.close();
  await generator.stop();
});

test('Overview and proxy at 100,000 records/s, without and with a tail', async () => {
  const generator = generate(s.tcp, { GEN_RATE: '100000', GEN_CONNECTIONS: '4' });
  await visit(s.url, async (page) => {
    await overview(page);
    const received = page.locator('.kpi', { hasText: 'Received' }).locator('.v');
    await received.getByText(/^(9\d|1\d\d)(\.\d)?k/).waitFor();
    const [renderer, proxy] = await Promise.all([share(renderers, SPAN), share(() => s.proxy.cpu(), SPAN)]);
    within('renderer, Overview, 100,000 records/s', 100 * renderer, 16);
    within('stats_proxy, 100,000 records/s, no tail', 100 * proxy, 10);

    await page.goto(`${s.url}tail?q=${encodeURIComponent("Severity <= 3 && Hostname =~ /^web-1/")}`);
    await page.locator('.tailbox .vrow').nth(20).waitFor();
    within('stats_proxy, 100,000 records/s, one tail', 100 * await share(() => s.proxy.cpu(), SPAN), 30);
  });
  await generator.stop();
});

test('a tail of 5,000 rows: a frame while it follows, a frame of scrolling, the rows in the page, its memory', async () => {
  const generator = generate(s.tcp, { GEN_RATE: '800' });
  await visit(`${s.url}tail`, async (page) => {
    const list = page.locator('.tailbox .virtual');
    await until('there are 5,000 rows', () => list.evaluate((e) => Number(e.getAttribute('aria-rowcount')) >= 5000));
    await generator.stop();
    const slow = generate(s.tcp, { GEN_RATE: '100' });

    // frames counts those of n milliseconds, moving the list by so many px in each.
    const frames = (px) => list.evaluate((e, px) => new Promise((done) => {
      const end = performance.now() + 5000;
      let n = 0, way = -px;
      const frame = () => {
        n++;
        if (px) {
          if (e.scrollTop <= 0) way = px;
          else if (e.scrollTop + e.clientHeight >= e.scrollHeight - px) way = -px;
          e.scrollTop += way;
        }
        if (performance.now() < end) requestAnimationFrame(frame);
        else done(n);
      };
      requestAnimationFrame(frame);
    }), px);
    const perFrame = async (px) => {
      const before = await renderers(), n = await frames(px);
      return (1000 * (await renderers() - before)) / n;
    };
    within('renderer, tail of 5,000 rows that follows 100 rows/s', await perFrame(0), 10, 'ms of CPU a frame');
    await page.getByRole('button', { name: 'Pause' }).click();
    within('renderer, scrolling through 5,000 rows', await perFrame(180), 20, 'ms of CPU a frame');
    within('rows of the tail in the page', await page.locator('.tailbox .vrow').count(), 80, 'rows');

    const session = await page.context().newCDPSession(page);
    await session.send('HeapProfiler.collectGarbage');
    within('JavaScript heap with 5,000 rows', (await session.send('Runtime.getHeapUsage')).usedSize / 1e6, 60, 'MB');
    await slow.stop();
  });
});

test('the first figures of a page are painted soon', () => visit(s.url, async (page) => {
  await pill(page).getByText(/^Live/).waitFor();
  console.log(`first contentful paint: ${Math.round(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime))} ms`);
}));
