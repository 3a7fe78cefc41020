// Makes the README's pictures, from real traffic of a minute and a half.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { panel, pill, visit } from './lib/page.mjs';
import { until } from './lib/process.mjs';
import { sink } from './lib/sink.mjs';
import { generate, relay, suite } from './lib/world.mjs';

const FOLDER = join(import.meta.dirname, '../../docs/screenshots');
const began = Date.now();

// Reasons as Elasticsearch gives them.
const reasons = [
  [/payment declined/, 'document_parsing_exception', '[1:214] failed to parse field [@timestamp] of type [date] in document'],
  [/certificate expires/, 'routing_missing_exception', 'routing is required for [lagermeister]/[_doc]'],
  [/job failed: [a-e]/, 'illegal_argument_exception', 'pipeline with id [tenants] does not exist'],
];
const far = await sink();
far.refuse = ({ message }) => {
  const [, type, reason] = reasons.find(([pattern]) => pattern.test(message)) ?? [];
  return type && { status: 400, type, reason };
};
const apart = await suite({ ESSUB_REMOTE_URL: far.url, PROXY_ENVIRONMENT: 'staging' });
await apart.start('nats', 'proxy', 'receiver', 'subscriber');
generate(apart.tcp, { GEN_COUNT: '1500', GEN_RATE: '100', GEN_SEED: '1' });

const world = await relay({ PROXY_ENVIRONMENT: 'staging' });
generate(world.tcp, { GEN_RATE: '1000', GEN_SIZE_DISTRIBUTION: 'lognormal', GEN_SEED: '2' });
generate(world.http, { GEN_PROTOCOL: 'http', GEN_RATE: '250', GEN_RECORDS_PER_REQUEST: '5', GEN_SEED: '3' });
for (const seconds of [20, 45, 65]) setTimeout(() => generate(world.tcp, { GEN_RATE: '600', GEN_DURATION: '9s' }), seconds * 1000).unref();

const picture = (name, url, theme, ready) => test(name, () => visit(url, async (page) => {
  await pill(page).getByText(/Live · [1-9]/).waitFor();
  await ready(page);
  const path = join(FOLDER, `${name}.png`);
  await page.screenshot({ path });
  assert.ok(statSync(path).size < 300 << 10, `${name}.png has ${statSync(path).size} bytes`);
}, { theme }));

test('there is a minute to be shown', () => until('a minute and a half has passed', () => Date.now() - began > 85_000, 120_000));

const overview = async (page) => {
  await panel(page, 'Accounting').getByText('Balanced').waitFor();
  for (const title of ['Throughput in', 'Throughput out', 'Lag', 'Batch size', 'Delivery latency']) await panel(page, title).getByRole('img').waitFor();
};
picture('overview-light', `${world.url}?w=1m`, 'light', overview);
picture('overview-dark', `${world.url}?w=1m`, 'dark', overview);
picture('pipeline', `${world.url}pipeline`, 'light', (page) => panel(page, 'Receivers').getByRole('row', { name: /http-receiver .*\d\/s/ }).waitFor());
picture('search-dark', `${world.url}search?${new URLSearchParams({ q: "Severity <= 4 && Hostname =~ /^web-[12]/", text: 'timeout', range: '5m' })}`, 'dark', async (page) => {
  await page.locator('.fv').first().waitFor();
  await page.locator('.log .vrow').nth(1).getByRole('button').click();
  await page.locator('.vopen .fields').waitFor();
});
picture('tail', `${world.url}tail?${new URLSearchParams({ q: "Severity <= 3 && Hostname == 'web-42'" })}`, 'dark', (page) => page.locator('.tailbox .vrow').nth(20).waitFor());
picture('consumers', `${world.url}consumers?${new URLSearchParams({ group: 'lagermeister-test/es_subscriber' })}`, 'light', (page) => page.getByText('Acknowledge within').waitFor());
picture('dead-letters', `${apart.url}dead`, 'light', async (page) => {
  await panel(page, 'By reason').getByRole('row').nth(3).waitFor();
  await page.getByRole('button', { name: /^Open the letter/ }).first().click();
  await page.locator('.letterbody').waitFor();
});
