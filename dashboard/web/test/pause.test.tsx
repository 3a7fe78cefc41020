import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/preact';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { flows } from '../src/core/flow';
import { groupRows } from '../src/core/groups';
import { live } from '../src/core/live';
import { SeriesStore } from '../src/core/series';
import { Track } from '../src/core/track';
import { Filling, Pause } from '../src/pages/consumers/Pause';
import { fills, lastPause } from '../src/pages/consumers/pausing';
import { pauseCommand, resumeCommand } from '../src/pages/consumers/rows';
import type { Audit } from '../src/core/types';
import { runs } from '../src/pages/dead/model';
import { answers, at, books, balance, connected, consumers, group, NOW, stream } from './made';

beforeEach(() => {
  vi.spyOn(live, 'now').mockReturnValue(NOW);
  connected();
  at();
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

const HOUR = 3600_000, iso = (ms: number) => new Date(ms).toISOString();
const entry = (action: string, state: Audit['state'], time: number, part: Partial<Audit> = {}): Audit => ({
  time: iso(time), run: `${action}${time}`, who: 'operator token at 10.0.0.9', action, state, stream: 'LOGS', filter: { group: 'es_subscriber', ...(action === 'pause' ? { until: iso(NOW + HOUR) } : {}) }, ...part,
});
const show = (g = group(), s = stream(), pending: number | null = 1200) => <Pause s={s} g={g} pending={pending} now={NOW} status={undefined} />;
const paused = group({ paused: true, paused_until: iso(NOW + HOUR) });
const button = (name: RegExp | string) => screen.getByRole('button', { name }) as HTMLButtonElement;

test('a stream fills with all that is stored while the group gets nothing', () => {
  const s = stream({ bytes: 500, max_bytes: 1000, messages: 50, first: 51, last: 100 }), g = group({ ack_floor: 80 });
  expect(fills(s, g, 2)).toBe(40); // 20 blocks of 10 bytes are held, 800 bytes are left
  expect(fills(s, group({ ack_floor: 40 }), 2)).toBe(25); // it holds no more than there is
  expect(fills(s, group({ ack_floor: 0, pending: 7, unacked: 3 }), 2)).toBe(45); // it has just been made
  expect(fills({ ...s, left_s: 12 }, g, 2)).toBe(12); // another group is further behind
  expect(fills(s, g, 0)).toBe(Infinity);
  expect(fills({ ...s, max_bytes: -1 }, g, 2)).toBe(Infinity);
  expect(fills({ ...s, bytes: 950 }, group({ ack_floor: 50 }), 0)).toBe(0);
  expect(fills(s, g, null)).toBeNull();
  expect(fills({ ...s, messages: 0, bytes: 0 }, g, 2)).toBeNull();
});

test('what follows when the stream is full is told, and a loss is red', () => {
  const full = (when_full: 'refuse' | 'expire', seconds: number) => {
    cleanup();
    const { container } = render(<Filling s={stream({ bytes: 500, max_bytes: 1000, messages: 50, last: 100, when_full })} g={group({ ack_floor: 50 })} seconds={seconds} rate={1} />);
    return container.firstElementChild!;
  };
  expect(full('refuse', 60).textContent).toBe('At the present rate LOGS is full in 50 s, before the pause ends: then receivers refuse new records.');
  expect(full('refuse', 60).className).toBe('warn b');
  expect(full('expire', 60).textContent).toMatch(/then its oldest records are removed: they are lost to es_subscriber\.$/);
  expect(full('expire', 60).className).toBe('err b');
  expect(full('refuse', 40).textContent).toMatch(/of 1 blocks\/s LOGS would be full in 50 s, after the end of the pause\./);
});

test('a pause is asked for with its length, and says until when it is', async () => {
  const asked = answers({ 'dead/audit': () => ({ entries: [] }), 'consumers/pause': () => ({ stream: 'LOGS', group: 'es_subscriber', paused_until: iso(NOW + 900_000) }) });
  render(show());
  fireEvent.click(button('Pause…'));
  expect(screen.getByRole('dialog', { name: 'Pause es_subscriber' }).textContent).toMatch(/1,200 records pending now/);
  expect(screen.getByText('nats consumer pause LOGS es_subscriber 1h')).toBeTruthy();
  expect(asked.filter((a) => a.path !== 'dead/audit')).toEqual([]); // asking changes nothing
  fireEvent.click(button('15 min'));
  expect(screen.getByText('nats consumer pause LOGS es_subscriber 15m')).toBeTruthy();
  fireEvent.click(button('Pause for 15 min'));
  await screen.findByText(/It goes on by itself then/);
  expect(asked.filter((a) => a.path === 'consumers/pause').map((a) => a.body)).toEqual([{ stream: 'LOGS', group: 'es_subscriber', seconds: 900 }]);
});

test('a pause that is refused says why, and can be asked for again', async () => {
  answers({ 'dead/audit': () => ({ entries: [] }), 'consumers/pause': () => ({ title: 'the NATS server is too old', detail: 'this one is 2.10.1', status: 501 }) });
  render(show());
  fireEvent.click(button('Pause…'));
  fireEvent.click(button('Pause for 1 h'));
  expect((await screen.findByRole('alert')).textContent).toMatch(/the NATS server is too old · this one is 2\.10\.1/);
  expect(button('Pause for 1 h').disabled).toBe(false);
});

test('a paused group is resumed with one click, and tells who paused it', async () => {
  const asked = answers({ 'dead/audit': () => ({ entries: [entry('pause', 'done', NOW - 60_000)] }), 'consumers/resume': () => ({ stream: 'LOGS', group: 'es_subscriber', paused_until: null }) });
  const { rerender, container } = render(show(paused));
  await waitFor(() => expect(container.textContent).toMatch(/Paused by operator token at 10\.0\.0\.9 at .*, until /));
  expect(screen.getByText('nats consumer resume LOGS es_subscriber')).toBeTruthy();
  fireEvent.click(button('Resume'));
  expect(button('Resuming …').disabled).toBe(true);
  await waitFor(() => expect(asked.filter((a) => a.path === 'consumers/resume').map((a) => a.body)).toEqual([{ stream: 'LOGS', group: 'es_subscriber' }]));
  rerender(show());
  expect(screen.queryByText(/^Resum/)).toBeNull();
  expect(button('Pause…').disabled).toBe(false);
});

test('a resume that fails says why', async () => {
  answers({ 'dead/audit': () => ({ entries: [] }), 'consumers/resume': () => ({ title: 'not done', detail: 'no answer', status: 503 }) });
  const { container } = render(show(paused));
  await waitFor(() => expect(container.textContent).toMatch(/by whom is not on record here/));
  fireEvent.click(button('Resume'));
  expect((await screen.findByRole('alert')).textContent).toMatch(/no answer/);
  expect(button('Resume').disabled).toBe(false);
});

test('viewers, and who is not connected, are told why they cannot', () => {
  answers({ 'dead/audit': () => ({ entries: [] }) });
  connected('viewer');
  const { rerender } = render(show(paused));
  expect([button('Resume').disabled, button('Change the end…').disabled]).toEqual([true, true]);
  expect(screen.getByText(/Read-only: .* may pause and resume groups; the nats tool can, too\./)).toBeTruthy();
  connected();
  live.link.set({ kind: 'down', since: NOW, attempt: 1, retryAt: NOW } as never);
  rerender(show());
  expect(button('Pause…').disabled).toBe(true);
  expect(screen.getByText(/The connection is lost/)).toBeTruthy();
  connected();
  live.status.set({ at: NOW, value: { nats: 'down', js: 'down', since: NOW } });
  rerender(show());
  expect(screen.getByText(/NATS is unreachable/)).toBeTruthy();
  live.status.set(null);
});

test('the last pause of a group is the newest that was done, with who ended it', () => {
  const list = [
    entry('pause', 'failed', 9), entry('drop', 'done', 8), entry('resume', 'done', 7), entry('resume', 'begun', 6), entry('pause', 'done', 5, { filter: { group: 'other', until: iso(NOW) } }),
    entry('pause', 'done', 4), entry('pause', 'begun', 3), entry('pause', 'done', 2),
  ];
  expect(lastPause(list, 'LOGS', 'es_subscriber')).toMatchObject({ pause: { time: iso(4) }, resume: { time: iso(7) }, until: NOW + HOUR });
  expect(lastPause(list, 'LOGS', 'other')).toMatchObject({ resume: null, until: NOW });
  expect(lastPause(list, 'OTHER', 'es_subscriber')).toBeNull();
  expect(runs(list).map((r) => r.action)).toEqual(['drop']); // among the changes of letters
});

test('the table says until when, on another day with the day', () => {
  const state = (g = paused) => groupRows(flows(books(balance()), consumers(stream({ groups: [g] })), []), new SeriesStore(), new Track(), [], new Set(), NOW / 1000)[0]!.state;
  expect(state().text).toMatch(/^Paused until \d\d:\d\d \(in 60 min\)$/);
  expect(state().tone).toBe('warn');
  expect(state(group({ paused: true, paused_until: iso(NOW + 72 * HOUR) })).text).toMatch(/^Paused until \d{4}-\d\d-\d\d \d\d:\d\d \(in 3 d\)$/);
  expect([pauseCommand('LOGS', 'a b', '6h'), resumeCommand('LOGS', 'es')]).toEqual(["nats consumer pause LOGS 'a b' 6h", 'nats consumer resume LOGS es']);
});
