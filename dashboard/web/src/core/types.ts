// What the server says, as docs/api.yaml describes it. Times named …_ms, now,
// from, began and since are unix milliseconds; everything ending in _s is seconds.

// How a state is coloured, beside the word that says it.
export type Tone = 'ok' | 'warn' | 'err' | 'info' | 'plain' | '';

export interface Boot {
  version: string;
  ui: string; // the first 12 hex digits of app.js's SHA-256
  role: 'viewer' | 'operator';
  read_only: boolean;
  environment: string;
  store: { kind: 'embedded' | 'elasticsearch' | 'none'; detail: string };
  subject: string;
  thresholds: { seen_warn_s: number; seen_error_s: number };
  history: { began: number; fine_s: number; coarse_s: number };
}

export interface Status {
  nats: 'up' | 'down';
  js: 'up' | 'down';
  since: number;
  err?: string;
  url?: string;
  version?: string; // of the NATS server
  not_ready?: string[];
}

export interface Balance {
  group: string;
  state: 'balanced' | 'difference' | 'unknown';
  error?: string;
  closed: boolean;
  epoch: number; // unix nanoseconds
  baseline: number;
  stored: number;
  delivered: number;
  already: number;
  repaired: number;
  filtered: number;
  dead: number;
  pending: number;
  expired: number;
  difference: number;
  pending_blocks: number;
  expired_blocks: number;
  settled_to: number;
}

export interface StreamBalance {
  stream: string;
  error?: string;
  first: number;
  last: number;
  bytes: number;
  max_bytes: number;
  seconds_until_full: number | null;
  held_by: string;
  groups: Balance[] | null;
}

export interface Books {
  at: string;
  error?: string;
  streams: StreamBalance[] | null;
}

// Pending, unacked, limit and redelivered are blocks, not records.
export interface Group {
  name: string;
  created: string;
  pending: number;
  unacked: number;
  limit: number;
  redelivered: number;
  ack_floor: number;
  delivered: number;
  waiting: number;
  ack_wait_s: number;
  last_delivered: string | null;
  last_ack: string | null;
  paused: boolean;
  paused_until: string | null;
}

export interface Stream {
  name: string;
  subject: string;
  first: number;
  last: number;
  messages: number;
  bytes: number;
  max_bytes: number;
  replicas: number;
  when_full: 'refuse' | 'expire';
  left_s: number | null;
  held_by: string;
  dead: { messages: number; bytes: number; max_bytes: number } | null;
  groups: Group[] | null;
}

export interface Consumers {
  at: string;
  streams: Stream[] | null;
  error?: { title: string; detail: string };
}

// Records of a receiver since its process has started, counted at one moment.
export interface Totals {
  received: number;
  stored: number;
  filtered: number;
  rejected: number;
  in_flight: number;
}

// A process, as one sender of events.
export interface Told {
  sender: string;
  ip: string;
  group?: string;
  version: string;
  started: number;
  state: 'running' | 'silent' | 'stopped';
  until?: number; // absent while it runs
  totals?: Totals; // of a receiver
  failure?: { at: number; text: string }; // the newest of an output
}

// Letters that a change is about, and what became of them so far.
export interface Counts {
  selected: number;
  bytes: number;
  done: number;
  gone: number;
  deaf: number;
}

// Who changed something, as LM_AUDIT keeps it.
export interface Audit {
  time: string;
  run: string;
  who: string;
  action: string;
  state: 'begun' | 'done' | 'failed';
  stream: string;
  filter: Record<string, unknown> | null;
  counts?: Partial<Counts> | null;
  error?: string;
}

export interface SeriesAnswer {
  now: number;
  from: number;
  step_s: number;
  began: number;
  series: {
    type: string;
    sender: string;
    ip: string;
    group?: string;
    unit: string;
    agg: string;
    values: (number | null)[];
    threshold: { Warn: number; Error: number } | null;
  }[] | null;
}

// A record as the store and the tail give it: an Elasticsearch document.
export type Doc = Record<string, unknown>;
export interface Row {
  at: number;
  position: string;
  doc: Doc;
}

// [second, sender, ip, type, value, warn, error, group]; the last one only where the event names it.
export type Point = [number, string, string, string, number, number | null, number | null, string?];

export type FromServer =
  | { t: 'hello'; now: number; ui: string; role: string; began: number }
  | { t: 'm'; seq: number; now: number; d: Point[] }
  | ({ t: 'ledger' } & Books)
  | ({ t: 'consumers' } & Consumers)
  | { t: 'programs'; programs: Told[] }
  | ({ t: 'status' } & Status)
  | { t: 'gap'; from: number; to: number; dropped: number }
  | { t: 'rows'; id: number; rows: Row[]; matched: number; seen: number; skipped: number }
  | { t: 'err'; id: number; title: string; detail: string; offset?: number; expected?: string };
