import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/preact';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { listen } from '../src/core/keys';
import { live, type Tail } from '../src/core/live';
import { change, defaults } from '../src/core/settings';
import { read, route } from '../src/core/url';
import Dead from '../src/pages/dead';
import Search from '../src/pages/search';
import TailPage from '../src/pages/tail';
import { answers, at, connected, letter, NOW } from './made';

let deaf: () => void;
beforeEach(() => {
  vi.spyOn(live, 'now').mockReturnValue(NOW);
  change(defaults);
  connected();
  at();
  deaf = listen();
});
afterEach(() => {
  cleanup();
  deaf();
  vi.restoreAllMocks();
});

const open = (path: string) => {
  history.replaceState(null, '', path);
  route.set(read(location));
};
const press = (...keys: string[]) => keys.forEach((key) => fireEvent.keyDown(document.activeElement ?? document.body, { key }));
const problem = (title: string, detail: string, more = {}) => ({ title, detail, status: 400, ...more });

// Dead letters.

const box = (n: number) => ({
  dead: () => ({ streams: [{ stream: 'LOGS', letters: n, others: 0, kinds: n ? [{ group: 'es', fingerprint: 'f', sink: 'bulk', status: 400, error_type: 'mapper', pattern: 'no date: #', example: 'no date: 7', letters: n, bytes: 300 * n, first: letter(1).first, last: letter(1).last, attempts: 1 }] : [] }] }),
  'dead/entries': () => ({ stream: 'LOGS', entries: Array.from({ length: Math.min(n, 3) }, (_, i) => letter(i + 1)), ...(n > 3 ? { next: 3 } : {}) }),
  'dead/entry': (q: URLSearchParams) => ({ stream: 'LOGS', entries: [letter(Number(q.get('which')!.split('.').at(-2)), { frame: btoa('x'), record: { Payload: 'evil \u202e' } })] }),
  'dead/audit': () => ({ entries: [] }),
});

test('dead letters: nothing held says so, and offers nothing to do', async () => {
  open('/dead');
  answers(box(0));
  render(<Dead />);
  await screen.findByText('Nothing is dead-lettered');
  expect(screen.queryByText(/^Replay/)).toBeNull();
  expect(screen.getByText('0 letters held').className).toContain('ok');
});

test('dead letters: a few chosen by hand are counted, confirmed and done, and no others', async () => {
  open('/dead');
  const asked = answers({ ...box(5), 'dead/drop': (_, body) => (body['dry_run'] ? { selected: 2, bytes: 600, done: 0, gone: 0, deaf: 0 } : '{"selected":1,"bytes":300,"done":1,"gone":0,"deaf":0}\n{"result":{"selected":2,"bytes":600,"done":2,"gone":0,"deaf":0}}\n') });
  render(<Dead />);
  await screen.findByText('Replay 5 …');
  for (const n of [1, 3]) fireEvent.click(screen.getByLabelText(`Choose the letter at ${n}.0`));
  expect(screen.getByText('2 letters chosen')).toBeTruthy();
  expect((screen.getByLabelText('Choose all 3 shown') as HTMLInputElement).indeterminate).toBe(true);
  fireEvent.click(screen.getByText('Drop 2 chosen …'));
  await screen.findByText(/Nothing is changed yet/);
  fireEvent.click(screen.getByText('Drop 2 for good'));
  await screen.findByText(/dropped\.$/);
  const drops = asked.filter((a) => a.path === 'dead/drop').map((a) => a.body);
  const subjects = [letter(1).subject, letter(3).subject];
  expect(drops).toEqual([{ stream: 'LOGS', subjects, dry_run: true }, { stream: 'LOGS', subjects, yes: true }]);
});

test('dead letters: over a hundred are only dropped after their number was typed', async () => {
  open('/dead');
  const asked = answers({ ...box(1176), 'dead/drop': () => ({ selected: 1176, bytes: 1, done: 0, gone: 0, deaf: 0 }) });
  render(<Dead />);
  fireEvent.click(await screen.findByText('Drop 1,176 …'));
  const button = await screen.findByText('Drop 1,176 for good') as HTMLButtonElement;
  expect(button.disabled).toBe(true);
  fireEvent.input(screen.getByLabelText(/Type the number/), { target: { value: '1175' } });
  expect(button.disabled).toBe(true);
  fireEvent.input(screen.getByLabelText(/Type the number/), { target: { value: '1176' } });
  expect(button.disabled).toBe(false);
  expect(asked.filter((a) => a.path === 'dead/drop' && !a.body['dry_run'])).toEqual([]);
});

test('dead letters: a viewer, and anybody without a connection, is told why nothing can be changed', async () => {
  open('/dead');
  answers(box(2));
  connected('viewer');
  render(<Dead />);
  expect((await screen.findByText('Replay 2 …') as HTMLButtonElement).disabled).toBe(true);
  expect(screen.getByText(/you are here as a viewer/)).toBeTruthy();
  connected('operator');
  live.link.set({ kind: 'down', since: NOW, retryAt: NOW + 1000 });
  expect(await screen.findByText(/The connection is lost/)).toBeTruthy();
  expect((screen.getByText('Drop 2 …') as HTMLButtonElement).disabled).toBe(true);
});

test('dead letters: j, k and Enter go through them, and what is in one cannot hide', async () => {
  open('/dead');
  answers(box(3));
  render(<Dead />);
  await screen.findByText('Replay 3 …');
  press('j', 'j', 'Enter');
  const toggle = screen.getByLabelText('Close the letter at 2.0');
  expect(toggle.getAttribute('aria-expanded')).toBe('true');
  expect(toggle.closest('tr')!.getAttribute('aria-current')).toBe('true');
  await screen.findByText('evil ⟨U+202E⟩');
  press('k');
  expect(await screen.findByLabelText('Close the letter at 1.0')).toBeTruthy();
  press('Enter');
  expect(screen.queryByLabelText(/^Close the letter/)).toBeNull();
});

test('dead letters: an error is shown where the letters would be, and a bad spec under its field', async () => {
  open('/dead');
  answers({ dead: () => ({ title: 'Service Unavailable', detail: 'no leader', status: 503 }), 'dead/audit': () => ({ entries: [] }) });
  render(<Dead />);
  expect((await screen.findByRole('alert')).textContent).toContain('no leader');
  cleanup();
  open('/dead?q=Type+%3D');
  answers({ dead: () => problem('Bad Request', 'match: unexpected end', { parameter: 'match', offset: 6 }), 'dead/audit': () => ({ entries: [] }) });
  render(<Dead />);
  expect(await screen.findByText('The match spec has a mistake')).toBeTruthy();
  expect(screen.getByLabelText(/Match spec/).getAttribute('aria-invalid')).toBe('true');
});

// The live tail.

function tail() {
  open('/tail');
  const tails: { q: string; to: Tail }[] = [];
  vi.spyOn(live, 'tail').mockImplementation((q, _text, _max, to) => {
    tails.push({ q, to });
    return () => {};
  });
  render(<TailPage />);
  const come = (...messages: string[]) => tails.at(-1)!.to.rows(messages.map((message, i) => ({ at: NOW + i, position: `${i}.0`, doc: { message, 'log.syslog.severity.code': 3, 'host.name': 'web-07' } })), { matched: messages.length, seen: messages.length, skipped: 0 });
  return { tails, come };
}
const current = () => document.querySelector('.vrow.sel .msg')?.textContent ?? null;

test('tail: it waits, follows, and stands still while somebody reads', async () => {
  const { come } = tail();
  expect(screen.getByText('Waiting for records')).toBeTruthy();
  come('a', 'b', 'c');
  await screen.findByText('c');
  expect(screen.getByText('Following')).toBeTruthy();
  press(' ');
  await screen.findByText('Paused');
  come('d', 'e');
  expect(await screen.findByText('↓ 2 new · End')).toBeTruthy();
  expect(screen.queryByText('d')).toBeNull();
  press('End');
  expect(await screen.findByText('d')).toBeTruthy();
  expect(screen.getByText('Following')).toBeTruthy();
});

test('tail: every key of the list does what it says', async () => {
  const { come } = tail();
  come('a', 'b', 'c');
  await screen.findByText('c');
  press('k');
  expect(current()).toBe('c');
  press('k', 'k', 'k');
  expect(current()).toBe('a');
  press('j');
  expect(current()).toBe('b');
  press('Enter');
  const detail = document.querySelector('.taildetail')!;
  expect(within(detail as HTMLElement).getByText('b')).toBeTruthy();
  press('j');
  expect(current()).toBe('c');
  press('o');
  expect(document.querySelector('.taildetail')).toBeNull();
  const write = vi.spyOn(navigator.clipboard, 'writeText').mockResolvedValue();
  press('c', 'y');
  await waitFor(() => expect(write).toHaveBeenCalledTimes(2));
  expect(JSON.parse(write.mock.calls[0]![0])).toMatchObject({ message: 'c' });
  expect(write.mock.calls[1]![0]).toMatch(/\/tail$/);
  press('w');
  expect(location.search).toBe('?wrap=1');
  press('Escape');
  expect(current()).toBeNull();
});

test('tail: a field of a record narrows it, and so does a preset', async () => {
  const { come } = tail();
  come('a');
  await screen.findByText('a');
  press('k', 'Enter');
  fireEvent.click(screen.getByLabelText('Filter for this Hostname'));
  expect(new URLSearchParams(location.search).get('q')).toBe("Hostname == 'web-07'");
  fireEvent.change(screen.getByLabelText(/^Preset/), { target: { value: 'Severity <= 3' } });
  expect(new URLSearchParams(location.search).get('q')).toBe('Severity <= 3');
});

test('tail: what does not parse is said with its place, and the rows go on', async () => {
  const { tails, come } = tail();
  come('a');
  open('/tail?q=Severity+%3D');
  await waitFor(() => expect(tails).toHaveLength(2));
  tails[1]!.to.error!({ title: 'match spec', detail: 'unexpected end', offset: 10, expected: 'a number' });
  const check = await screen.findByText(/match spec at 10: unexpected end; expected a number/);
  expect(check.closest('[role=status]')!.id).toBe(screen.getByLabelText(/^Match spec/).getAttribute('aria-describedby'));
  expect(screen.getByLabelText(/^Match spec/).getAttribute('aria-invalid')).toBe('true');
  tails[0]!.to.rows([{ at: NOW, position: '9.0', doc: { message: 'later' } }], { matched: 1, seen: 1, skipped: 4 });
  expect(await screen.findByText('later')).toBeTruthy();
  expect(screen.getByText(/^4 records skipped/)).toBeTruthy();
});

test('tail: keys do nothing while somebody types, or when the settings say so', async () => {
  const { come } = tail();
  come('a');
  await screen.findByText('a');
  screen.getByLabelText(/^Match spec/).focus();
  press('k');
  expect(current()).toBeNull();
  press('Escape');
  change({ shortcuts: false });
  press('k');
  expect(current()).toBeNull();
});

test('dead letters: where several groups have some, they are grouped by these, and one of them filters the letters', async () => {
  open('/dead');
  const one = box(5).dead().streams[0]!, k = one.kinds[0]!;
  const asked = answers({ ...box(5), dead: () => ({ streams: [{ ...one, letters: 9, kinds: [k, { ...k, fingerprint: 'g', letters: 3 }, { ...k, group: 'http', letters: 1 }] }] }) });
  render(<Dead />);
  const choice = within(await screen.findByRole('group', { name: 'Group by' }));
  fireEvent.click(choice.getByText('Group'));
  const table = within(screen.getByRole('table', { name: 'Dead letters by group' }));
  expect(table.getAllByRole('row').slice(1).map((r) => [...r.querySelectorAll('td')].slice(0, 4).map((c) => c.textContent))).toEqual([['es', 'bulk', '2', '8'], ['http', 'bulk', '1', '1']]);
  fireEvent.click(table.getByText('http'));
  expect(location.search).toBe('?by=group&group=http');
  await waitFor(() => expect(asked.some((a) => a.path === 'dead/entries' && a.query.get('group') === 'http')).toBe(true));
  expect(screen.getByText(/^oldest first · 1 letter /)).toBeTruthy();
  fireEvent.click(table.getByText('http'));
  fireEvent.click(choice.getByText('Reason'));
  expect(location.search).toBe('');
});

// Search.

const found = (n: number) => ({ id: `id-${n}`, index: 'i', position: `${n}.0`, time: new Date(NOW - n * 1000).toISOString(), exact: true, doc: { message: `record ${n}`, 'host.name': 'web-07', 'heka.traceId': `t${n}`, 'log.syslog.severity.code': 3 } });
const store = (n: number) => ({
  search: () => ({ total: n, total_is: 'exact', examined: n, partial: false, exact: true, records: Array.from({ length: n }, (_, i) => found(i + 1)), next: '', took_ms: 3, store: 'embedded' }),
  facets: (q: URLSearchParams) => ({ facets: q.has('field') ? q.getAll('field').map((field) => ({ field, values: [['t1', 4]], other: 0 })) : [{ field: 'Severity', values: [['3', n]], other: 0 }, { field: 'Hostname', values: [['web-07', n]], other: 0 }], counted: n, total_is: 'exact', partial: false, took_ms: 1 }),
  histogram: () => ({ from: NOW - 1000, to: NOW, step_ms: 1000, buckets: n ? [[0, 0, 0, n, 0, 0, 0, 0]] : [], counted: n, total_is: 'exact', partial: false, took_ms: 1 }),
});

test('search: rows, values and keys', async () => {
  open('/search');
  answers(store(3));
  render(<Search />);
  await screen.findByText('record 3');
  expect(screen.getByRole('table').getAttribute('aria-rowcount')).toBe('4');
  press('j', 'j', 'Enter');
  expect(new URLSearchParams(location.search).get('row')).toBe('id-2');
  expect(await screen.findByLabelText('Filter for this Hostname')).toBeTruthy();
  press('Escape');
  expect(new URLSearchParams(location.search).get('row')).toBeNull();
  press(']');
  expect(new URLSearchParams(location.search).get('range')).toBe('1h');
  press('/');
  expect(document.activeElement).toBe(screen.getByLabelText('Words in the payload'));
});

test('search: a dynamic field that was chosen is counted, in the URL, and its values are ticked into the spec', async () => {
  open('/search');
  const asked = answers(store(3));
  render(<Search />);
  await screen.findByText('record 3');
  const input = screen.getByLabelText('Count the values of a field');
  expect([...document.querySelectorAll('#fields-there-are option')].map((o) => o.getAttribute('value'))).toEqual(['traceId']);
  fireEvent.input(input, { target: { value: 'traceId' } });
  fireEvent.submit(input.closest('form')!);
  fireEvent.click(await screen.findByLabelText(/^t1/));
  expect(new URLSearchParams(location.search).get('fields')).toBe('traceId');
  expect(new URLSearchParams(location.search).get('q')).toBe("Fields[traceId] == 't1'");
  expect(asked.some((a) => a.path === 'facets' && a.query.get('field') === 'Fields[traceId]' && a.query.get('q') === null)).toBe(true);
  fireEvent.click(await screen.findByLabelText('No longer count Fields[traceId]'));
  expect(new URLSearchParams(location.search).get('fields')).toBeNull();
});

test('search: nothing found lists the ways out, with what each would show', async () => {
  open('/search?text=nowhere');
  answers(store(0));
  render(<Search />);
  await screen.findByText('No record matches');
  expect(screen.getByText('nowhere')).toBeTruthy();
  expect(screen.getByText(/^Widen to last 1 hour|^Widen to/)).toBeTruthy();
});

test('search: a mistake is under its box with the caret, and nothing else says it again', async () => {
  open('/search?q=Severity+%3C');
  answers({ search: () => problem('bad parameter', 'parameter q: match spec, unexpected end', { parameter: 'q', offset: 10, excerpt: '    Severity <\n              ^', expected: 'a number' }) });
  render(<Search />);
  const alert = await screen.findByRole('alert');
  expect(alert.querySelector('pre')!.textContent).toBe('Severity <\n          ^');
  expect(screen.getAllByRole('alert')).toHaveLength(1);
});

test('search: the toggles are in the URL, and rows, values, counts, tail and text mean the same by them', async () => {
  open('/search?text=Record&q=Pid+%3D%3D+1');
  const asked = answers(store(3));
  render(<Search />);
  await screen.findAllByText('record');
  const toggle = (name: string) => screen.getByRole('button', { name }) as HTMLButtonElement;
  expect(['Match case', 'Whole words', 'Regular expression'].map((name) => toggle(name).getAttribute('aria-pressed'))).toEqual(['false', 'true', 'false']);
  fireEvent.click(toggle('Whole words'));
  const spec = 'Pid == 1 && Payload =~ /(?i)Record/';
  await waitFor(() => expect(asked.filter((a) => a.query.get('q') === spec && a.query.get('text') === null).map((a) => a.path).sort()).toEqual(['facets', 'histogram', 'search']));
  expect(location.search).toBe('?text=Record&q=Pid+%3D%3D+1&inside=1');
  expect(new URL((screen.getByText('Use in live tail') as HTMLAnchorElement).href).searchParams.get('q')).toBe(spec);
  expect(document.querySelector('code#spec')!.textContent).toBe(spec);
  fireEvent.click(toggle('Regular expression'));
  expect(toggle('Whole words').disabled).toBe(true);
  expect(screen.getByLabelText('Regular expression for the payload')).toBeTruthy();

  fireEvent.click(screen.getByText('Edit as text'));
  expect(Object.fromEntries(new URLSearchParams(location.search))).toEqual({ q: spec });
  expect((screen.getByLabelText('Match spec') as HTMLInputElement).value).toBe(spec);
  expect((screen.getByLabelText('Words in the payload') as HTMLInputElement).value).toBe('');
});

test('search: a wrong expression is marked in the box, with its place in what was typed', async () => {
  open('/search?text=ab%5Bz-a%5D&regexp=1&q=Pid+%3D%3D+1');
  answers({ search: (q: URLSearchParams) => problem('bad parameter', `parameter q: match spec, byte ${q.get('q')!.indexOf('z-a')}: invalid character class range in regular expression: z-a\n  …`, { parameter: 'q', offset: q.get('q')!.indexOf('z-a'), excerpt: '' }) });
  render(<Search />);
  const alert = await screen.findByRole('alert');
  expect(alert.querySelector('pre')!.textContent).toBe('ab[z-a]\n   ^');
  expect(alert.textContent).toContain('invalid character class range in regular expression: z-a');
  expect(screen.getByLabelText('Regular expression for the payload').getAttribute('aria-invalid')).toBe('true');
  expect(screen.getAllByRole('alert')).toHaveLength(1);
});

test('search: an expression that was not looked for in all records says so, and goes on', async () => {
  open('/search?text=x%2B&regexp=1');
  let page = 0;
  answers({ ...store(0), search: () => (page++ ? store(1).search() : { ...store(0).search(), total_is: 'at_least', examined: 10_000, partial: true, next: 'c' }) });
  render(<Search />);
  await screen.findByText('Nothing yet among the 10,000 records looked at');
  expect(screen.getByText(/^partial: stopped after looking at 10,000 records/)).toBeTruthy();
  fireEvent.click(screen.getByText('Continue'));
  await screen.findByText('record 1');
});

test('search: without a store it says how to get one', () => {
  open('/search');
  connected('operator', 'none');
  answers({});
  render(<Search />);
  expect(screen.getByText('No search store is connected')).toBeTruthy();
});
