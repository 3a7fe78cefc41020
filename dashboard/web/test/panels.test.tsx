import { cleanup, fireEvent, render, screen, within } from '@testing-library/preact';
import type { ComponentChild } from 'preact';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Problem } from '../src/core/api';
import { live } from '../src/core/live';
import { known } from '../src/core/programs';
import { SeriesStore } from '../src/core/series';
import { track } from '../src/core/track';
import { StreamPanel } from '../src/pages/consumers/StreamPanel';
import { Changes } from '../src/pages/dead/Changes';
import { Accounting } from '../src/pages/overview/Accounting';
import { Attention } from '../src/pages/overview/Attention';
import { Groups } from '../src/pages/overview/Groups';
import { LastSeen } from '../src/pages/overview/LastSeen';
import { senders } from '../src/pages/overview/senders';
import { Accounts } from '../src/pages/pipeline/Accounts';
import { accounts } from '../src/pages/pipeline/baseline';
import { receiverRows, type Receiver } from '../src/pages/pipeline/stages';
import { Events, Receivers, Stages } from '../src/pages/pipeline/tables';
import { Topology } from '../src/pages/pipeline/Topology';
import { Chart } from '../src/ui/Chart';
import { answers, at, balance, books, consumers, group, NOW, row, stream } from './made';

// uPlot draws on a canvas, which happy-dom has not.
vi.mock('uplot', () => {
  class Plot {
    static paths = { bars: () => () => null };
    cursor = {}; width = 0; height = 0;
    batch(f: () => void) { f(); }
    setData() {} setScale() {} setSize() {} setCursor() {} redraw() {} destroy() {}
  }
  return { default: Plot };
});

beforeEach(() => at());
afterEach(cleanup);

const FRESH = NOW - 1000, OLD = NOW - 60_000;
const seconds = NOW / 1000;
const many = Array.from({ length: 12 }, (_, i) => `group-${i}`);

function store(...programs: string[]): SeriesStore {
  const s = new SeriesStore();
  for (const sender of programs) for (let t = seconds - 30; t < seconds; t++) s.put([t, sender, '', 'Throughput', 10, null, null], seconds);
  return s;
}
const receivers = (...names: string[]): Receiver[] => receiverRows(store(...names), seconds);
const seen = (...names: string[]) => senders(store(...names), seconds);
const chart = (...labels: string[]) => ({ x: [1, 2], lines: labels.map((label) => ({ label, values: [1, 2], tone: 'c1', now: '2' })) });
const problem = new Problem({ title: 'JetStream unavailable', status: 503, detail: 'no responders' });
const audit = (n: number) => ({ entries: Array.from({ length: n }, (_, i) => ({ time: new Date(NOW).toISOString(), run: String(i), who: `who-${i}`, action: 'drop', state: 'done' as const, stream: 'LOGS', filter: { group: `g-${i}` }, counts: { selected: 3, done: 3 } })) });
const stages = (...names: string[]) => names.map((name) => ({ key: name, name, what: 'records', total: 5, basis: 'since it began', rate: 1, errors: 0, failed: 'dead-lettered', p99: 3, run: { since: null, versions: [], processes: [] } }));
const groupsOf = (...names: string[]) => names.map((name) => row({ key: `LOGS/${name}`, name }));
const streamRows = (...names: string[]) => groupsOf(...names).map((r) => ({ ...r, group: group({ name: r.name }), programs: new Set<string>(), processes: [], of: null }));
const nothing = () => {};

// Each panel in each of its states: what it is called, and what it says.
type State = 'empty' | 'one' | 'many' | 'stale' | 'error';
const panels: Record<string, Partial<Record<State, [ComponentChild, ...(string | RegExp)[]]>>> = {
  Accounting: {
    empty: [<Accounting books={books()} at={FRESH} fresh />, 'No group reads the stream yet', 'No groups'],
    one: [<Accounting books={books(balance({ dead: 2, delivered: 8 }))} at={FRESH} fresh />, 'es_subscriber', 'Balanced', '0 ✓', '80.000 %'],
    many: [<Accounting books={books(...many.map((g) => balance({ group: g })))} at={FRESH} fresh />, 'group-0', 'group-11', 'Balanced'],
    stale: [<Accounting books={books(balance())} at={OLD} fresh={false} />, 'Paused', /^as of/],
    error: [<Accounting books={{ at: '', streams: [], error: 'no leader' }} at={FRESH} fresh />, 'The ledger has no figures', 'no leader', 'Unknown'],
  },
  Consumers: {
    empty: [<Groups rows={[]} consumers={consumers(stream())} at={FRESH} flip={nothing} />, 'No queue group reads the stream'],
    one: [<Groups rows={groupsOf('es')} consumers={consumers(stream())} at={FRESH} flip={nothing} />, 'es', 'Running', /^1 queue group, stream LOGS$/],
    many: [<Groups rows={groupsOf(...many)} consumers={consumers(stream())} at={FRESH} flip={nothing} />, 'group-4', /^12 queue groups, the 5 most behind/],
    stale: [<Groups rows={groupsOf('es')} consumers={consumers(stream())} at={OLD} flip={nothing} />, /^as of/],
    error: [<Groups rows={[]} consumers={{ at: '', streams: [], error: problem }} at={FRESH} flip={nothing} />, 'JetStream unavailable'],
  },
  'Last seen': {
    empty: [<LastSeen list={[]} now={seconds} warn={10} error={60} at={FRESH} />, 'Nobody has reported yet.'],
    one: [<LastSeen list={seen('tcp-receiver')} now={seconds} warn={10} error={60} at={FRESH} />, 'tcp-receiver', '10/s', '1 of 1'],
    many: [<LastSeen list={seen(...many)} now={seconds} warn={10} error={60} at={FRESH} />, 'group-11', '12 of 12'],
    stale: [<LastSeen list={seen('tcp-receiver')} now={seconds + 90} warn={10} error={60} at={OLD} />, '0 of 1', /^as of/],
  },
  Flow: {
    empty: [<Topology receivers={[]} consumers={consumers()} groups={[]} blocks={() => null} now={seconds} silentAfter={60} at={FRESH} />, 'There is nothing to draw yet'],
    one: [<Topology receivers={receivers('tcp-receiver')} consumers={consumers(stream())} groups={[row()]} blocks={() => 7} now={seconds} silentAfter={60} at={FRESH} />, 'tcp-receiver', 'LOGS', 'es_subscriber', 'none yet'],
    many: [<Topology receivers={receivers(...many)} consumers={consumers(stream(), stream({ name: 'AUDIT' }))} groups={[row()]} blocks={() => 7} now={seconds} silentAfter={60} at={FRESH} />, 'group-11', 'Stream AUDIT', 'nobody reads it'],
    stale: [<Topology receivers={receivers('tcp-receiver')} consumers={consumers(stream())} groups={[]} blocks={() => null} now={seconds + 90} silentAfter={60} at={OLD} />, 'silent', /^as of/],
    error: [<Topology receivers={[]} consumers={{ at: '', streams: [], error: problem }} groups={[]} blocks={() => null} now={seconds} silentAfter={60} at={FRESH} />, 'JetStream unavailable'],
  },
  Receivers: {
    empty: [<Receivers list={[]} now={seconds} warn={10} error={60} known={60} at={FRESH} />, 'No receiver has reported.'],
    one: [<Receivers list={receivers('tcp-receiver')} now={seconds} warn={10} error={60} known={60} at={FRESH} />, 'tcp-receiver', 'reporting'],
    many: [<Receivers list={receivers(...many)} now={seconds} warn={10} error={60} known={60} at={FRESH} />, 'group-11'],
    stale: [<Receivers list={receivers('tcp-receiver')} now={seconds + 90} warn={10} error={60} known={60} at={OLD} />, 'silent', /^as of/],
  },
  Stages: {
    empty: [<Stages list={[]} now={seconds} known={60} at={FRESH} />, 'Nothing has reported yet.'],
    one: [<Stages list={stages('Receive')} now={seconds} known={60} at={FRESH} />, 'Receive', 'since it began', '0.000 %'],
    many: [<Stages list={stages(...many)} now={seconds} known={60} at={FRESH} />, 'group-11'],
    stale: [<Stages list={stages('Receive')} now={seconds} known={60} at={OLD} />, /^as of/],
  },
  Events: {
    empty: [<Events list={[]} now={NOW} at={FRESH} />, 'Nothing out of the ordinary is known.'],
    one: [<Events list={[{ at: seconds, tone: 'err', who: 'NATS', what: 'not reachable' }]} now={NOW} at={FRESH} />, 'NATS', 'error'],
    many: [<Events list={many.map((who, i) => ({ at: seconds - i, tone: 'plain' as const, who, what: 'made' }))} now={NOW} at={FRESH} />, 'group-11'],
    stale: [<Events list={[]} now={NOW} at={OLD} />, /^as of/],
  },
  LOGS: {
    empty: [<StreamPanel name="LOGS" stream={stream()} rows={[]} at={FRESH} now={NOW} chosen="" choose={nothing} flip={nothing} sort={null} onSort={nothing} status={undefined} />, 'No group reads this stream', 'refuses new records', 'none ever'],
    one: [<StreamPanel name="LOGS" stream={stream()} rows={streamRows('es')} at={FRESH} now={NOW} chosen="" choose={nothing} flip={nothing} sort={null} onSort={nothing} status={undefined} />, 'es', 'nats stream info LOGS'],
    many: [<StreamPanel name="LOGS" stream={stream()} rows={streamRows(...many)} at={FRESH} now={NOW} chosen="" choose={nothing} flip={nothing} sort={null} onSort={nothing} status={undefined} />, 'group-11', /12 groups$/],
    stale: [<StreamPanel name="LOGS" stream={null} rows={streamRows('es')} at={OLD} now={NOW} chosen="" choose={nothing} flip={nothing} sort={null} onSort={nothing} status={undefined} />, 'the stream is gone; these are its last figures', /^as of/],
    error: [<StreamPanel name="LOGS" stream={{ ...stream(), error: 'no leader' }} rows={[]} at={FRESH} now={NOW} chosen="" choose={nothing} flip={nothing} sort={null} onSort={nothing} status={undefined} />, 'the groups of this stream are not known', /no leader/],
  },
  Changes: {
    empty: [<Changes audit={{ value: audit(0), at: FRESH, problem: null, again: nothing }} every={30} server={NOW} />, 'Nothing was ever replayed or dropped'],
    one: [<Changes audit={{ value: audit(1), at: FRESH, problem: null, again: nothing }} every={30} server={NOW} />, 'drop', '3 of 3', 'group g-0', 'who-0'],
    many: [<Changes audit={{ value: audit(12), at: FRESH, problem: null, again: nothing }} every={30} server={NOW} />, 'who-11'],
    stale: [<Changes audit={{ value: audit(1), at: NOW - 100_000, problem: problem, again: nothing }} every={30} server={NOW} />, 'who-0', /^as of/],
    error: [<Changes audit={{ value: null, at: null, problem, again: nothing }} every={30} server={NOW} />, 'JetStream unavailable', 'Try again'],
  },
  Lag: {
    empty: [<Chart title="Lag" unit="seconds" data={chart()} range={[0, 10]} onZoom={nothing} at={FRESH} every={2} empty={<p>No output reports its lag</p>} />, 'No output reports its lag'],
    one: [<Chart title="Lag" unit="seconds" data={chart('es-output')} range={[0, 10]} onZoom={nothing} at={FRESH} every={2} />, 'es-output'],
    many: [<Chart title="Lag" unit="seconds" data={chart(...many)} range={[0, 10]} onZoom={nothing} at={FRESH} every={2} />, 'group-11'],
    stale: [<Chart title="Lag" unit="seconds" data={chart('es-output')} range={[0, 10]} onZoom={nothing} at={OLD} every={2} />, /^as of/],
    error: [<Chart title="Lag" unit="seconds" data={chart()} range={[0, 10]} onZoom={nothing} at={FRESH} every={2} problem={problem} />, 'JetStream unavailable'],
  },
};

describe.each(Object.entries(panels))('%s', (name, states) => {
  test.each(Object.entries(states))('%s', (state, [panel, ...says]) => {
    render(<>{panel}</>);
    const region = screen.getByRole('region', { name });
    for (const text of says) expect(within(region).queryAllByText(text), `${text} of ${region.textContent}`).not.toHaveLength(0);
    expect(region.classList.contains('stale')).toBe(state === 'stale');
    expect(region.getAttribute('aria-busy')).toBe('false');
    if (state === 'error' && region.querySelector('.note.err')) expect(within(region).getByRole('alert')).toBeTruthy();
    expect(region.textContent).not.toMatch(/NaN|undefined|null|Infinity|\[object/);
  });
});

test('a panel whose data never came is busy, and not empty', () => {
  render(<Groups rows={[]} consumers={null} at={null} flip={nothing} />);
  const region = screen.getByRole('region', { name: 'Consumers' });
  expect(region.getAttribute('aria-busy')).toBe('true');
  expect(within(region).getByText('Loading')).toBeTruthy();
});

test('the accounts since a moment are the ones since the beginning less those then, and carry no tick when they are old', () => {
  const now = books(balance({ stored: 100, delivered: 100 }));
  const base = { at: NOW - 1000, 'LOGS/es_subscriber epoch': 0, 'LOGS/es_subscriber stored': 40, 'LOGS/es_subscriber delivered': 40 };
  const { rerender } = render(<Accounts books={now} list={accounts(now, base)} base={base} at={FRESH} fresh now={NOW} />);
  expect(screen.getAllByRole('row')[1]!.textContent).toContain('60');
  expect(screen.getByText(/^0 ✓$/)).toBeTruthy();
  rerender(<Accounts books={now} list={accounts(now, base)} base={base} at={OLD} fresh={false} now={NOW} />);
  expect(screen.queryByText(/✓/)).toBeNull();
  expect(screen.getByText('Set baseline now').closest('button')!.disabled).toBe(true);
});

test('a difference is grey in the first snapshot and red in the second', () => {
  const off = books(balance({ group: 'once', state: 'difference', difference: 37 }));
  const show = () => {
    cleanup();
    render(<Accounting books={off} at={FRESH} fresh />);
  };
  track.take(off, seconds);
  show();
  expect(screen.getByText('Settling').className).toContain('plain');
  expect(screen.getByRole('link', { name: '37' }).className).toBe('t2');
  track.take(off, seconds + 5);
  show();
  expect(screen.getByText('Difference 37').className).toContain('err');
  expect(screen.getByRole('link', { name: '37' }).className).toBe('err b');
});

test('what a receiver refused is told by reason, with how it can come again', () => {
  const s = store('tcp-receiver');
  for (const [type, n] of [['Rejected', 3], ['Rejected.hostname', 2], ['Rejected.oversized', 1]] as const) s.put([seconds - 5, 'tcp-receiver', '', type, n, null, null], seconds);
  render(<Receivers list={receiverRows(s, seconds)} now={seconds} warn={10} error={60} known={60} at={FRESH} />);
  expect(screen.getByText(/Rejected: 2 without a hostname, 1 too large\./).textContent).toMatch(/TCP knows no answer/);
});

test('a receiver whose records do not add up is told, with all terms; one that tells none is not said to', () => {
  const totals = { received: 10, stored: 4, filtered: 3, rejected: 1, in_flight: 1 };
  const told = (received: number) => known([{ sender: 'tcp-receiver', ip: '', version: '', started: NOW - 1000, state: 'running', totals: { ...totals, received } }]);
  const rows = (received: number) => receiverRows(store('tcp-receiver'), seconds, told(received));
  expect([rows(9), rows(10), receiverRows(store('tcp-receiver'), seconds)].map(([r]) => r!.difference)).toEqual([0, 1, null]);
  expect([rows(9), receiverRows(store('tcp-receiver'), seconds)].map(([r]) => [r!.stored, r!.storing, r!.connections])).toEqual([[0, 0, 0], [null, null, null]]);
  render(<Receivers list={rows(10)} now={seconds} warn={10} error={60} known={60} at={FRESH} />);
  expect(screen.getByText('The sum is off by 1 record since the start: 10 received = 4 stored + 3 filtered + 1 rejected + 1 in flight.')).toBeTruthy();
  cleanup();
  render(<Receivers list={rows(9)} now={seconds} warn={10} error={60} known={60} at={FRESH} />);
  expect(screen.getByTitle(/^9 received = /).className).toBe('ok b');
  expect(screen.queryByText(/off by/)).toBeNull();
});

test('several processes and versions are told without a pointer, one by one', () => {
  const programs = known([['v1.0.0', 90_000], ['v1.1.0', 30_000]].map(([version, ago]) => ({ sender: 'tcp-receiver', ip: '', version: String(version), started: NOW - Number(ago), state: 'running' as const })));
  const list = receiverRows(store('tcp-receiver'), seconds, programs);
  const { rerender } = render(<Receivers list={list} now={seconds} warn={10} error={60} known={60} at={FRESH} />);
  const all = 'tcp-receiver v1.0.0, up 90 s; tcp-receiver v1.1.0, up 30 s.';
  expect(screen.getByText(`2 processes: ${all}`)).toBeTruthy();
  rerender(<Stages list={[{ ...stages('Receive')[0]!, run: list[0]!.run }]} now={seconds} known={60} at={FRESH} />);
  expect(screen.getByText('30 s')).toBeTruthy();
  expect(screen.getByText('2 versions')).toBeTruthy();
  expect(screen.getByText(`2 versions: ${all}`)).toBeTruthy();
});

test('a member tells how long each of its processes runs, and in which version', () => {
  const [above] = streamRows('es'), processes = known([{ sender: 'es-output', ip: '', version: 'v1.0.0 go1.26', started: NOW - 7_200_000, state: 'running' }]);
  const member = { ...above!, key: 'LOGS/es es-output ', name: 'es-output', member: true, members: '–', group: null, processes, of: above! };
  render(<StreamPanel name="LOGS" stream={stream()} rows={[above!, member]} at={FRESH} now={NOW} chosen="" choose={nothing} flip={nothing} sort={null} onSort={nothing} status={undefined} />);
  expect(screen.getByText('up 2 h · v1.0.0')).toBeTruthy();
});

test('the detail of a group tells the newest failed post of any member, in the words of its log', () => {
  answers({ 'dead/audit': () => ({ entries: [] }) });
  const member = (ip: string, ago: number, text: string) => ({ sender: 'es-output', ip, version: 'v1', started: NOW - 7_200_000, state: 'running' as const, failure: { at: NOW - ago, text } });
  live.programs.set(known([member('out-1', 9000, 'answers 503'), member('out-2', 4000, 'POST http://far:9200: connection\u0007 refused'), { ...member('other', 1, 'of another'), sender: 'http-output' }]));
  const [above] = streamRows('es');
  const panel = (part: object) => <StreamPanel name="LOGS" stream={stream()} rows={[{ ...above!, group: group(), ...part }]} at={FRESH} now={NOW} chosen={above!.key} choose={nothing} flip={nothing} sort={null} onSort={nothing} status={undefined} />;
  const { rerender } = render(panel({ programs: new Set(['es-output\n']) }));
  expect(screen.getByText(/^Last failed post/).parentElement!.textContent).toMatch(/^Last failed post, out-2 \S+ POST http:\/\/far:9200: connection\S+ refused$/);
  rerender(panel({ programs: new Set() }));
  expect(screen.queryByText(/^Last failed post/)).toBeNull();
  live.programs.set([]);
});

test('attention says three things, the rest on demand, and an hour without what was muted', () => {
  const items = many.map((id) => ({ id, tone: 'warn' as const, page: 'consumers', what: id, text: 'is late', since: null }));
  render(<Attention items={items} now={NOW} />);
  expect(screen.getByText('12 things need attention')).toBeTruthy();
  expect(screen.getAllByRole('link')).toHaveLength(3);
  fireEvent.click(screen.getByText('9 more'));
  expect(screen.getAllByRole('link')).toHaveLength(12);
  fireEvent.click(screen.getByText('Mute 1 h'));
  expect(screen.queryAllByRole('link')).toHaveLength(0);
  expect(screen.getByText(/^12 things muted/)).toBeTruthy();
});

test('a chart says its values in a sentence, as a table, and of one line alone', () => {
  render(<Chart title="Lag" unit="seconds" data={chart('a', 'b')} range={[0, 10]} onZoom={nothing} at={FRESH} every={2} />);
  expect(screen.getByRole('img').getAttribute('aria-label')).toBe('Lag, seconds: a 2, b 2');
  fireEvent.click(screen.getByRole('button', { name: 'Lag as a table' }));
  expect(screen.getAllByRole('columnheader').map((h) => h.textContent)).toEqual(['Time', 'a', 'b']);
  const legend = screen.getByTitle('b');
  fireEvent.click(legend);
  expect(legend.getAttribute('aria-pressed')).toBe('true');
  expect(screen.getAllByRole('columnheader').map((h) => h.textContent)).toEqual(['Time', 'b']);
});

test('a table says what it is sorted by, and a click turns it', () => {
  let sort = null as { key: string; down: boolean } | null;
  const panel = () => <StreamPanel name="LOGS" stream={stream()} rows={streamRows('a', 'b')} at={FRESH} now={NOW} chosen="" choose={nothing} flip={nothing} sort={sort} onSort={(s) => (sort = s)} status={undefined} />;
  const { rerender } = render(panel());
  fireEvent.click(screen.getByRole('button', { name: 'Lag' }));
  expect(sort).toEqual({ key: 'lag', down: true });
  rerender(panel());
  expect(screen.getByRole('columnheader', { name: /Lag/ }).getAttribute('aria-sort')).toBe('descending');
});
