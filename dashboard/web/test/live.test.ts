import { beforeEach, expect, test } from 'vitest';
import { Live, type Socket, type World } from '../src/core/live';
import type { FromServer } from '../src/core/types';

// A server and a clock that do what the test says.
class Fake implements World {
  t = 1_795_184_400_000;
  sockets: (Socket & { sent: Record<string, unknown>[]; closed: boolean })[] = [];
  timers: { at: number; f: () => void }[] = [];
  asked: string[] = [];

  now = () => this.t;
  random = () => 1;
  after(ms: number, f: () => void) {
    const timer = { at: this.t + ms, f };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((x) => x !== timer));
  }
  open() {
    const socket = { onopen: null, onmessage: null, onclose: null, sent: [] as Record<string, unknown>[], closed: false, send(text: string) { this.sent.push(JSON.parse(text)); }, close() { this.closed = true; } };
    this.sockets.push(socket as never);
    return socket as unknown as Socket;
  }
  get<T>(path: string): Promise<T> {
    this.asked.push(path);
    return Promise.resolve((path === 'series' ? { now: this.t, from: this.t, step_s: 1, began: 0, series: [] } : { ui: 'a' }) as T);
  }

  get last() { return this.sockets.at(-1)!; }
  pass(ms: number) {
    this.t += ms;
    const due = this.timers.filter((x) => x.at <= this.t);
    this.timers = this.timers.filter((x) => x.at > this.t);
    due.forEach((x) => x.f());
  }
  say(...messages: FromServer[]) { this.last.onmessage!({ data: JSON.stringify(messages) }); }
  accept() {
    this.last.onopen!();
    this.say({ t: 'hello', now: this.t, ui: 'a', role: 'viewer', began: this.t });
  }
}

let world: Fake, live: Live;
beforeEach(() => {
  world = new Fake();
  live = new Live(world);
  live.start();
});

const seconds = () => world.t / 1000;

test('it says what it wants and takes what comes', () => {
  world.accept();
  expect(live.link.get().kind).toBe('live');
  expect(world.last.sent[0]).toEqual({ t: 'sub', topics: ['m', 'ledger', 'consumers', 'programs'], resume: 0 });
  world.say({ t: 'm', seq: 7, now: world.t, d: [[seconds() - 1, 'tcp-receiver', '', 'Throughput', 12, null, null]] });
  expect(live.series.of('Throughput')[0]!.at(seconds() - 1)).toBe(12);
  expect(live.rate()).toBeCloseTo(0.2);
});

test('retries double from a quarter of a second to ten, and a success starts anew', () => {
  world.accept();
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    world.last.onclose!();
    const link = live.link.get();
    waits.push(link.kind === 'down' ? link.retryAt - world.t : -1);
    world.pass(10_000);
  }
  expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  world.accept();
  world.last.onclose!();
  const link = live.link.get();
  expect(link.kind === 'down' && link.retryAt - world.t).toBe(250);
});

test('after a cut it resumes where it was, and asks for the history in between', () => {
  world.accept();
  world.say({ t: 'm', seq: 41, now: world.t, d: [] });
  world.last.onclose!();
  expect(live.away.at(-1)![1]).toBe(Infinity);
  world.pass(5000);
  world.accept();
  expect(world.last.sent[0]!['resume']).toBe(41);
  expect(live.away.at(-1)![1]).toBeLessThan(Infinity);
  expect(world.asked.filter((p) => p === 'series').length).toBe(2);
});

test('Retry now does not wait', () => {
  world.accept();
  world.last.onclose!();
  const before = world.sockets.length;
  live.retryNow();
  expect(world.sockets.length).toBe(before + 1);
  world.pass(20_000);
  expect(world.sockets.length).toBe(before + 1); // and the timer is gone
});

test('what the server left out is counted and fetched', () => {
  world.accept();
  world.say({ t: 'gap', from: 1, to: 5, dropped: 120 });
  expect(live.dropped).toBe(120);
  expect(world.asked.filter((p) => p === 'series').length).toBe(2);
});

test('another version of the page is noticed', () => {
  world.accept();
  world.say({ t: 'hello', now: world.t, ui: 'b', role: 'viewer', began: 0 });
  expect(live.newVersion.get()).toBe(true);
});

test('the server may have another clock', () => {
  world.accept();
  world.say({ t: 'm', seq: 1, now: world.t + 90_000, d: [[seconds() + 89, 'x', '', 'Lag', 1, null, null]] });
  expect(live.serverNow()).toBe(world.t + 90_000);
  expect(live.series.of('Lag')[0]!.seen()).toBe(seconds() + 89);
});

test('a tail is asked for again after a cut, and told of it', () => {
  world.accept();
  let rows = 0, again = 0;
  const end = live.tail('Severity <= 3', '', 500, { rows: (r) => void (rows += r.length), again: () => void again++ });
  expect(world.last.sent.at(-1)).toEqual({ t: 'tail', id: 1, q: 'Severity <= 3', text: '', max: 500 });
  world.say({ t: 'rows', id: 1, rows: [{ at: 1, position: '1.0', doc: {} }], matched: 1, seen: 1, skipped: 0 });
  world.last.onclose!();
  world.pass(5000);
  world.accept();
  expect(world.last.sent.some((m) => m['t'] === 'tail')).toBe(true);
  end();
  world.say({ t: 'rows', id: 1, rows: [{ at: 1, position: '1.0', doc: {} }], matched: 1, seen: 1, skipped: 0 });
  expect([rows, again]).toEqual([1, 1]);
});

test('an answer that the server repeats, since it cannot ask, is as old as it was', () => {
  world.accept();
  const at = new Date(world.t - 1000).toISOString(), ledger = (): FromServer => ({ t: 'ledger', at, streams: [] });
  world.say(ledger());
  expect(live.ledger.get()!.at).toBe(world.t - 1000);
  world.pass(30_000);
  world.say(ledger(), { t: 'consumers', at: '', streams: [], error: { title: 'never asked with success', detail: '' } });
  expect(live.ledger.get()!.at).toBe(world.t - 31_000);
  expect(live.consumers.get()!.at).toBe(world.t);
});
