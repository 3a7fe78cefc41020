import { live } from '../src/core/live';
import type { GroupRow } from '../src/core/groups';
import { tick } from '../src/core/tick';
import type { Balance, Books, Consumers, Group, Stream } from '../src/core/types';
import type { Letter } from '../src/pages/dead/model';

// What tests show, with only the part that matters to them written out.

export const NOW = 1_795_184_400_000; // unix ms; a second that begins a minute

// at makes it so many ms after NOW, for whatever is drawn by the tick.
export const at = (ms = 0): void => tick.set({ n: tick.get().n + 1, now: NOW + ms, server: NOW + ms });

export const balance = (part: Partial<Balance> = {}): Balance => ({
  group: 'es_subscriber', state: 'balanced', closed: false, epoch: 0, baseline: 1, stored: 10, delivered: 10, already: 0, repaired: 0, filtered: 0, dead: 0, pending: 0,
  expired: 0, difference: 0, pending_blocks: 0, expired_blocks: 0, settled_to: 1, ...part,
});

export const books = (...groups: Balance[]): Books => ({
  at: new Date(NOW).toISOString(), streams: [{ stream: 'LOGS', first: 1, last: 9, bytes: 1, max_bytes: 100, seconds_until_full: null, held_by: '', groups }],
});

export const group = (part: Partial<Group> = {}): Group => ({
  name: 'es_subscriber', created: new Date(NOW - 3600_000).toISOString(), pending: 0, unacked: 0, limit: 1000, redelivered: 0, ack_floor: 5, delivered: 5, waiting: 1, ack_wait_s: 60,
  last_delivered: null, last_ack: null, paused: false, paused_until: null, ...part,
});

export const stream = (part: Partial<Stream> = {}): Stream => ({
  name: 'LOGS', subject: 'logs', first: 1, last: 9, messages: 9, bytes: 1, max_bytes: 100, replicas: 1, when_full: 'refuse', left_s: null, held_by: '', dead: null, groups: [], ...part,
});

export const consumers = (...streams: Stream[]): Consumers => ({ at: new Date(NOW).toISOString(), streams });

export const row = (part: Partial<GroupRow> = {}): GroupRow => ({
  key: 'LOGS/es_subscriber', name: 'es_subscriber', member: false, members: '1 member', open: false, rate: 5, lag: 0.5, threshold: { warn: 30, error: 60 }, pending: 0, unacked: 1, limit: 1000,
  redelivered: 0, drains: '0 s', state: { tone: 'ok', text: 'Running', hint: '' }, ...part,
});

export const letter = (n: number, part: Partial<Letter> = {}): Letter => ({
  subject: `lm.dead.LOGS.es.99.${n}.0`, group: 'es', position: `${n}.0`, epoch: '99', sink: 'bulk', status: 400, error_type: 'mapper', reason: `no date: ${n}`, fingerprint: 'f', first: new Date(NOW - 60_000).toISOString(),
  last: new Date(NOW).toISOString(), attempts: 1, bytes: 300, hostname: 'web-07', payload: `record ${n}`, ...part,
});

// connected makes the page one of an operator, with a live connection.
export function connected(role: 'operator' | 'viewer' = 'operator', store: 'embedded' | 'none' = 'embedded'): void {
  live.link.set({ kind: 'live', since: NOW });
  live.boot.set({
    version: '1', ui: 'a', role, read_only: role === 'viewer', environment: 'test', store: { kind: store, detail: '' }, subject: 'stats-events',
    thresholds: { seen_warn_s: 10, seen_error_s: 60 }, history: { began: NOW - 60_000, fine_s: 3600, coarse_s: 21600 },
  });
}

// answers makes fetch answer paths below /api/v2/ and returns what was asked.
export function answers(by: Record<string, (query: URLSearchParams, body: Record<string, unknown>) => unknown>): { path: string; query: URLSearchParams; body: Record<string, unknown> }[] {
  const asked: { path: string; query: URLSearchParams; body: Record<string, unknown> }[] = [];
  globalThis.fetch = (async (url: string, init?: RequestInit) => {
    const { pathname, searchParams } = new URL(url), path = pathname.replace(/^.*\/api\/v2\//, '');
    const body = init?.body ? (JSON.parse(String(init.body)) as Record<string, unknown>) : {};
    asked.push({ path, query: searchParams, body });
    const answer = by[path]?.(searchParams, body);
    const json = (value: unknown, status: number) => new Response(typeof value === 'string' ? value : JSON.stringify(value), { status, headers: { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json' } });
    if (answer === undefined) return json({ title: 'no such route', status: 404, detail: path }, 404);
    const { status } = answer as { status?: number };
    return json(answer, typeof status === 'number' && status >= 400 ? status : 200);
  }) as typeof fetch;
  return asked;
}
