import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/preact';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { live } from '../src/core/live';
import { change, defaults } from '../src/core/settings';
import { Configuration } from '../src/pages/settings/Configuration';
import { chosen, lines, type Setting } from '../src/pages/settings/variables';
import { answers, at, connected, NOW } from './made';

beforeEach(() => {
  vi.spyOn(live, 'now').mockReturnValue(NOW);
  change(defaults);
  connected();
  at();
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

const setting = (name: string, part: Partial<Setting> = {}): Setting => ({ name, value: '', default: '', changed: false, secret: false, masked: false, description: `meaning of ${name}`, ...part });
const list = [
  setting('RELAY_DATA_DIR', { value: './data', default: './data' }),
  setting('RELAY_HUB_URL', { value: 'nats://hub:4222', changed: true, masked: true }),
  setting('PROXY_TOKEN', { secret: true }),
  setting('PROXY_OPERATOR_TOKEN', { secret: true, changed: true, masked: true }),
  setting('PROXY_ENVIRONMENT', { value: 'prod\u202e', changed: true }),
  setting('RELAY_NATS_ADDRESS', { default: ':4222', changed: true }),
];
const given = (settings = list) => answers({ settings: () => ({ program: 'local_relay', settings }) });
const row = (name: string) => screen.getByText(name).closest('tr')!.textContent;
const names = () => [...document.querySelectorAll('tbody td:first-child code')].map((c) => c.textContent);

test('each variable has its value in words, and no secret; order and text are the server’s', async () => {
  given();
  render(<Configuration />);
  await screen.findByText('RELAY_DATA_DIR');
  expect(names()).toEqual(list.map((s) => s.name));
  expect(row('RELAY_DATA_DIR')).toBe('RELAY_DATA_DIR./data./datameaning of RELAY_DATA_DIR');
  expect(row('RELAY_HUB_URL')).toContain('RELAY_HUB_URL setnats://hub:4222 · masked');
  expect(row('PROXY_TOKEN')).toContain('PROXY_TOKENnot set');
  expect(row('PROXY_OPERATOR_TOKEN')).toContain('PROXY_OPERATOR_TOKEN setsecret');
  expect(row('PROXY_ENVIRONMENT')).toContain('prod⟨U+202E⟩');
  expect(row('RELAY_NATS_ADDRESS')).toContain('RELAY_NATS_ADDRESS setempty:4222');
  expect(screen.getByText('of local_relay, 6 variables, 4 set')).toBeTruthy();
});

test('a name and a switch narrow it, and say when nothing is left', async () => {
  given();
  render(<Configuration />);
  await screen.findByText('RELAY_DATA_DIR');
  fireEvent.click(screen.getByText('Only what is set'));
  expect(names()).toEqual(['RELAY_HUB_URL', 'PROXY_OPERATOR_TOKEN', 'PROXY_ENVIRONMENT', 'RELAY_NATS_ADDRESS']);
  fireEvent.input(screen.getByLabelText('Name'), { target: { value: ' proxy_' } });
  expect(names()).toEqual(['PROXY_OPERATOR_TOKEN', 'PROXY_ENVIRONMENT']);
  expect(screen.getByText('2 variables shown')).toBeTruthy();
  fireEvent.input(screen.getByLabelText('Name'), { target: { value: 'none' } });
  expect(screen.getByText('No variable matches')).toBeTruthy();
});

test('what is shown and set is copied as NAME=value, secrets as comments', async () => {
  given();
  const write = vi.spyOn(navigator.clipboard, 'writeText').mockResolvedValue();
  render(<Configuration />);
  fireEvent.click(await screen.findByText('Copy what is set'));
  await waitFor(() => expect(write).toHaveBeenCalledWith([
    '# RELAY_HUB_URL is set: nats://hub:4222 and more, which may be a secret', '# PROXY_OPERATOR_TOKEN is set: a secret', 'PROXY_ENVIRONMENT=prod\u202e', 'RELAY_NATS_ADDRESS=', '',
  ].join('\n')));
  expect(lines([setting('A', { value: 'x\nB=y', changed: true })])).toBe('# A is set: more than one line\n');
  expect(chosen(list, 'hub', false)).toEqual([list[1]]);
});

test('with nothing set it says so', async () => {
  given([setting('A', { value: '1', default: '1' })]);
  render(<Configuration />);
  await screen.findByText('A');
  fireEvent.click(screen.getByText('Only what is set'));
  expect(screen.getByText(/^Nothing is set/)).toBeTruthy();
});

test('until it is there it is loading; an error is shown in its place and can be tried again', async () => {
  let well = false;
  answers({ settings: () => (well ? { program: 'stats_proxy', settings: list } : { title: 'Bad Gateway', detail: 'the proxy in front', status: 502 }) });
  render(<Configuration />);
  expect(screen.getByText('Loading')).toBeTruthy();
  expect((await screen.findByRole('alert')).textContent).toContain('the proxy in front');
  well = true;
  fireEvent.click(within(screen.getByRole('alert')).getByText('Try again'));
  await screen.findByText('RELAY_DATA_DIR');
});

test('a viewer is told why not, and nothing is asked for', async () => {
  connected('viewer');
  const asked = given();
  render(<Configuration />);
  expect(screen.getByText('For operators only')).toBeTruthy();
  expect(screen.getByText(/PROXY_OPERATOR_TOKEN/)).toBeTruthy();
  expect(asked).toEqual([]);
});

test('without a connection it is as of then, and after it it is asked for again', async () => {
  const asked = given();
  render(<Configuration />);
  await screen.findByText('RELAY_DATA_DIR');
  live.link.set({ kind: 'down', since: NOW, retryAt: NOW + 1000 });
  at(1000);
  expect(await screen.findByText(/^as of /)).toBeTruthy();
  live.link.set({ kind: 'live', since: NOW + 2000 });
  await waitFor(() => expect(asked).toHaveLength(2));
  await waitFor(() => expect(screen.queryByText(/^as of /)).toBeNull());
});
