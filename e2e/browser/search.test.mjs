// Search finds what is there, says what is wrong, and is a link.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessible, shot, visit } from './lib/page.mjs';
import { until } from './lib/process.mjs';
import { send } from './lib/records.mjs';
import { generate, relay } from './lib/world.mjs';

const COUNT = 2000;
const world = await relay();
const generator = generate(world.tcp, { GEN_COUNT: String(COUNT), GEN_RATE: '0', GEN_SEED: '7' });
await generator.sent();
const run = /run (\w+)/.exec(generator.output)[1];
await send(world.tcp, { payload: 'only one such record: ключ', hostname: 'far-away', logger: 'orders', severity: 3, type: 'audit', fields: { traceId: 'abc-xyz-123', status: 'declined' } });
const api = async (path) => (await fetch(`${world.url}api/v2/${path}`)).json();
const texts = ['Gateway timeout after 2000ms', 'gateway Timed out at 10.0.3.17:8080/x', 'TIMEOUT, nothing left on C:\\logs\\', 'runtime 10.0.3.170 fine'];
await send(world.tcp, ...texts.map((payload) => ({ payload, hostname: 'toggles', severity: 4 })));
const TOTAL = COUNT + 1 + texts.length;
await until('all records can be found', async () => (await api('histogram?buckets=1')).counted === TOTAL);

const url = (params = {}) => `${world.url}search?${new URLSearchParams(params)}`;
const rows = (page) => page.locator('.log .vrow');
const found = (page, text) => page.getByRole('heading', { level: 2, name: text, exact: true }).waitFor();
const chips = (page) => page.locator('.chip > b').allTextContents();
const bad = /status of 400/; // the browser's own word for what the test asks

test('a search for one numbered record finds exactly it', () => visit(url(), async (page) => {
  await found(page, `${TOTAL.toLocaleString('en-US')} matches`);
  await page.getByLabel('Words in the payload').fill(`${run} 000000001041`);
  await page.keyboard.press('Enter');
  await found(page, '1 match');
  assert.equal(await rows(page).count(), 1);
  assert.match(await rows(page).textContent(), new RegExp(`${run} n 000000001041 `));
  assert.deepEqual(await page.locator('.log mark').allTextContents(), [run, '000000001041'], 'the words are marked');
}));

test('each toggle finds exactly what it says, in rows, values, counts, the export and the tail', () => visit(url(), async (page) => {
  const toggles = { case: 'Match case', inside: 'Whole words', regexp: 'Regular expression' };
  for (const [text, how, ...want] of [
    ['timeout', '', 0, 2],
    ['timeout', 'case', 0],
    ['time', 'inside', 0, 1, 2, 3],
    ['time', 'inside case', 0, 3],
    ['10.0.3.17', '', 1],
    ['10.0.3.17', 'inside', 1, 3],
    ['logs\\', 'inside', 2],
    ['time(out)?\\b', 'regexp', 0, 2, 3],
    ['time(out)?\\b', 'regexp case', 0, 3],
    ['17:8080/x$|c:\\\\LOGS\\\\', 'regexp', 1, 2],
    [' out at', 'regexp', 1],
  ]) {
    const name = `${JSON.stringify(text)} ${how}`;
    await page.goto(url({ q: "Hostname == 'toggles'" }));
    await found(page, `${texts.length} matches`);
    await page.getByLabel('Words in the payload').fill(text);
    for (const one of how.split(' ').filter(Boolean)) await page.getByRole('button', { name: toggles[one], exact: true }).click();
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await found(page, want.length === 1 ? '1 match' : `${want.length} matches`);
    await until(`the rows of ${name}`, async () => (await page.locator('.log .vrow .pl').allTextContents()).sort().join('\n') === want.map((i) => texts[i]).sort().join('\n'));
    await page.locator('.facet section', { hasText: 'Severity' }).locator('.fv', { hasText: 'Warning' }).locator('.n', { hasText: new RegExp(`^${want.length}$`) }).waitFor();
    if (!/\\/.test(text)) assert.ok(await page.locator('.log mark').count() >= want.length, `${name} is marked`);

    const tail = new URL(await page.getByRole('link', { name: 'Tail this query' }).getAttribute('href'), world.url);
    assert.equal((await api(`histogram?${new URLSearchParams({ buckets: 1, ...Object.fromEntries(tail.searchParams) })}`)).counted, want.length, `the tail of ${name}`);
    await page.getByRole('button', { name: 'Export' }).click();
    const lines = (await (await fetch(new URL(await page.getByRole('link', { name: /^NDJSON/ }).getAttribute('href'), world.url))).text()).trim().split('\n');
    assert.deepEqual(lines.map((line) => JSON.parse(line).doc.message).sort(), want.map((i) => texts[i]).sort(), `the export of ${name}`);

    const link = page.url();
    await page.goto(link);
    await found(page, want.length === 1 ? '1 match' : `${want.length} matches`);
    await page.getByRole('button', { name: 'Edit as text' }).click();
    await page.getByRole('button', { name: 'Done' }).waitFor();
    await found(page, want.length === 1 ? '1 match' : `${want.length} matches`);
    for (const one of ['case', 'inside', 'regexp']) assert.equal(new URL(page.url()).searchParams.get(one), null);
  }
  await page.goto(url({ q: "Hostname == 'toggles'", text: 'timed? out|none', regexp: 1 }));
  await found(page, '1 match');
  await accessible(page, 'Search for an expression');
}));

test('a wrong expression is said under the box, with its place in what was typed', () => visit(url(), async (page) => {
  for (const [text, place, words] of [['ab[z-a]', 3, 'invalid character class range'], ['/x\\y', 2, 'invalid escape sequence'], ['a(b', 0, 'missing closing )'], ['a\\', 1, 'trailing backslash'], ['a) || (TRUE', 0, 'unexpected )'], ['x**', 1, 'invalid nested repetition operator']]) {
    await page.goto(url({ text, regexp: 1, q: "Hostname == 'toggles'" }));
    const note = page.locator('#text-wrong');
    await note.getByText(words).waitFor();
    const [line, caret] = (await note.locator('pre').textContent()).split('\n');
    assert.equal(line, text);
    assert.equal(caret, `${' '.repeat(place)}^`, text);
    assert.equal(await page.locator('#spec-wrong').count(), 0);
  }
  await accessible(page, 'Search with a mistake in the expression');
  await shot(page, 'search-expression-mistake');
}, { expected: bad }));

test('chips and match spec are two views of one query', () => visit(url(), async (page) => {
  await page.getByRole('button', { name: '+ Add filter' }).click();
  await page.getByLabel('Field', { exact: true }).selectOption('Severity');
  await page.getByLabel('Condition').selectOption('≤');
  await page.getByLabel('Value', { exact: true }).selectOption('3');
  await page.locator('.addf').getByRole('button', { name: 'Add', exact: true }).click();
  await page.locator('code#spec', { hasText: 'Severity <= 3' }).waitFor();

  await page.getByRole('button', { name: 'Edit as text' }).click();
  await page.getByLabel('Match spec').fill("Severity <= 3 && Hostname == 'far-away' && Logger != 'nginx'");
  await page.keyboard.press('Enter');
  await found(page, '1 match');
  assert.deepEqual(await chips(page), ['error', 'far-away', 'nginx']);

  await page.getByRole('button', { name: "Remove the filter Hostname == 'far-away'" }).click();
  await page.getByRole('button', { name: 'Done' }).click();
  await page.locator('code#spec', { hasText: /^Severity <= 3 && Logger != 'nginx'$/ }).waitFor();
  const { counted } = await api(`histogram?buckets=1&q=${encodeURIComponent("Severity <= 3 && Logger != 'nginx'")}`);
  assert.ok(counted > 1);
  await found(page, `${counted.toLocaleString('en-US')} matches`);
}));

test('an open record says what to filter for, and shows what stood before and after', () => visit(url({ text: 'ключ' }), async (page) => {
  await rows(page).getByRole('button').click();
  const trace = page.locator('.f', { hasText: 'Fields[traceId]' });
  assert.match(await trace.textContent(), /abc-xyz-123/);
  await trace.hover();
  await trace.getByRole('button', { name: 'Filter for this Fields[traceId]' }).click();
  await page.locator('code#spec', { hasText: "Fields[traceId] == 'abc-xyz-123'" }).waitFor();
  await page.getByLabel('Clear the words').click();
  await found(page, '1 match');
  await rows(page).getByRole('button').click();
  await page.locator('.vopen .fields').waitFor();
  await accessible(page, 'Search with the fields of a record');
  await page.getByRole('button', { name: 'Context ±20' }).click();
  await page.locator('.ctx [aria-current]', { hasText: 'only one such record' }).waitFor();
  await page.getByRole('button', { name: 'JSON', exact: true }).click();
  await page.locator('pre', { hasText: '"host.name": "far-away"' }).waitFor();
  await accessible(page, 'Search with an open record');
  await shot(page, 'search-record');
}));

test('a mistake in the spec is shown under the box, in the parser\'s words, at its place', () => visit(url(), async (page) => {
  await found(page, `${TOTAL.toLocaleString('en-US')} matches`);
  for (const [spec, place] of [["Severity <= 3 && Hostnam == 'x'", 'Hostnam'], ['Payload =~ /a(b/', 'a(b/'], ['Severity <= ', ''], ["Type == 'a' Severity == 1", 'Severity']]) {
    await page.goto(url({ q: spec }));
    const note = page.locator('#spec-wrong');
    const [line, caret] = (await note.locator('pre').textContent()).split('\n');
    assert.equal(line.trimEnd(), spec.trimEnd());
    assert.equal(caret.indexOf('^'), place ? spec.indexOf(place) : spec.length, `the caret under ${JSON.stringify(spec)}: ${caret}`);
    const problem = await api(`search?q=${encodeURIComponent(spec)}`);
    assert.ok(problem.detail.includes((await note.locator('p').textContent()).split(' · expected')[0]), `${await note.locator('p').textContent()} is of ${problem.detail}`);
    assert.equal(await page.locator('#spec').evaluate((e) => e.value ?? e.textContent), spec, 'the text stays to be mended');
  }
  await accessible(page, 'Search with a mistake in the spec');
  await shot(page, 'search-mistake');
}, { expected: bad }));

test('rows of the question before stay, and are said to be that, when the next one has a mistake', () => visit(url({ q: "Hostname == 'far-away'" }), async (page) => {
  await found(page, '1 match');
  await page.getByRole('button', { name: 'Edit as text' }).click();
  await page.getByLabel('Match spec').fill("Hostname =~ /(/");
  await page.keyboard.press('Enter');
  await page.getByText('The rows below answer the question before this one.').waitFor();
  assert.equal(await rows(page).count(), 1);
}, { expected: bad }));

test('a link brings back query, range, columns and the open row', () => visit(url({ q: "Hostname == 'far-away'", text: 'such record', range: '1h' }), async (page) => {
  await rows(page).getByRole('button').click();
  const type = page.locator('.f', { hasText: /^Type/ });
  await type.hover();
  await type.getByRole('button', { name: 'Type as a column' }).click();
  await page.getByRole('columnheader', { name: 'Type' }).waitFor();
  const link = page.url();
  await visit(link, async (other) => {
    await other.locator('.vopen', { hasText: 'abc-xyz-123' }).waitFor();
    assert.equal(await other.getByLabel('Words in the payload').inputValue(), 'such record');
    assert.deepEqual(await chips(other), ['far-away']);
    await other.getByRole('button', { name: /^Last hour/ }).waitFor();
    await other.getByRole('columnheader', { name: 'Type' }).waitFor();
    assert.equal(other.url(), link);
  });
}));

test('values and histogram count what matches; a click on a value and a drag over the histogram ask for less', () => visit(url(), async (page) => {
  await found(page, `${TOTAL.toLocaleString('en-US')} matches`);
  const severities = page.locator('.facet section', { hasText: 'Severity' }).locator('.n');
  await severities.first().waitFor();
  const counts = (await severities.allTextContents()).map((n) => Number(n.replace(/\D/g, '')));
  assert.equal(counts.reduce((sum, n) => sum + n, 0), TOTAL);
  const picture = page.getByRole('img', { name: /matches, error [\d,]+/ });
  const shown = (await picture.getAttribute('aria-label')).split(' matches, ')[1].match(/[\d,]+/g).map((n) => Number(n.replaceAll(',', '')));
  assert.equal(shown.reduce((sum, n) => sum + n, 0), TOTAL);

  await page.locator('.fv', { hasText: 'Warning' }).click();
  await found(page, `${counts[4].toLocaleString('en-US')} matches`);
  await page.locator('code#spec', { hasText: 'Severity == 4' }).waitFor();

  const box = await picture.boundingBox();
  await page.mouse.move(box.x + 60, box.y + 30);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, box.y + 30, { steps: 4 });
  await page.mouse.up();
  await page.getByRole('button', { name: /^Fixed range/ }).waitFor();
  assert.match(page.url(), /range=\d{13}-\d{13}/);
}));

test('when nothing matches each filter is named, with what would be shown without it', () => visit(url({ q: "Hostname == 'far-away' && Severity == 7", range: '1h' }), async (page) => {
  await page.getByText('No record matches').waitFor();
  const way = page.locator('.why li', { hasText: 'Severity == 7' });
  await way.getByText('would show 1', { exact: true }).waitFor();
  await page.getByRole('button', { name: /Widen to/ }).getByText(/would show 0/).waitFor();
  await accessible(page, 'Search without results');
  await shot(page, 'search-nothing');
  await way.getByRole('button', { name: /Remove/ }).click();
  await found(page, '1 match');
}));
