import type { Tail } from '../../core/live';
import { Store } from '../../core/store';
import { Meter, Ring, type TailRow } from './ring';

// Feed is one list of live records and the tail behind it. A filter that the
// server refuses changes nothing: the one before goes on until another one works.

export interface Filter {
  q: string; // match spec
  text: string; // words
}

export interface Refusal {
  filter: Filter;
  title: string;
  detail: string;
  offset?: number;
  expected?: string;
}

type Counts = { matched: number; seen: number; skipped: number; missed_blocks?: number };
type Open = (q: string, text: string, max: number, to: Tail) => () => void;

export interface World {
  now(): number;
  after(ms: number, f: () => void): () => void;
  hidden(): boolean;
}

const MOST = 500; // rows a second
const ACCEPTED = 1000; // ms without a refusal

export class Feed {
  readonly changed = new Store(0);
  readonly meter = new Meter();
  readonly ring: Ring;
  running: Filter | null = null; // what the rows are of
  asked: Filter | null = null; // newest, perhaps refused
  refusal: Refusal | null = null; // of asked
  trouble: { title: string; detail: string } | null = null; // of the tail itself
  checked = false; // asked is known to work
  private end: (() => void) | null = null;
  private trial: (() => void) | null = null;
  private away = 0; // local ms of the last rows

  constructor(private readonly open: Open, private readonly world: World, size: number) {
    this.ring = new Ring(size);
  }

  ask(filter: Filter): void {
    this.trial?.();
    this.trial = null;
    this.asked = filter;
    this.refusal = null;
    this.checked = false;
    if (this.running && this.running.q === filter.q && this.running.text === filter.text) {
      this.checked = true;
      this.tell();
      return;
    }
    let settled = false;
    const accept = () => {
      if (settled) return;
      settled = true;
      cancel();
      this.end?.();
      this.end = stop;
      this.trial = null;
      if (this.running) this.ring.put({ kind: 'note', text: `from here on: ${filter.q || 'all records'}${filter.text ? ` with ${filter.text}` : ''}` });
      this.running = filter;
      this.checked = true;
      this.tell();
    };
    const stop = this.open(filter.q, filter.text, MOST, {
      rows: (rows, counts) => {
        accept();
        if (this.end === stop) this.take(rows, counts);
      },
      error: (e) => {
        if (settled || e.title === 'no live records') {
          this.trouble = { title: e.title, detail: e.detail };
        } else {
          settled = true;
          cancel();
          stop();
          this.trial = null;
          this.refusal = { filter, ...e };
        }
        this.tell();
      },
      again: () => {
        const now = this.world.now();
        if (this.end === stop) this.ring.put({ kind: 'note', text: `the connection was lost${this.away ? ` for about ${Math.ceil((now - this.away) / 1000)} s` : ''}: records of that time are not here, Search has them` });
        this.tell();
      },
    });
    const cancel = this.world.after(ACCEPTED, accept);
    this.trial = () => {
      settled = true;
      cancel();
      stop();
    };
    this.tell();
  }

  stop(): void {
    this.trial?.();
    this.end?.();
    this.trial = this.end = this.running = null;
  }

  private take(rows: readonly TailRow[], n: Counts): void {
    const now = this.world.now();
    this.trouble = null;
    if (n.missed_blocks) this.ring.put({ kind: 'missed', blocks: n.missed_blocks });
    for (const row of rows) this.ring.put({ kind: 'row', row });
    if (n.skipped > 0) this.ring.put({ kind: 'skipped', n: n.skipped, from: this.away || now - 250, to: now, why: this.world.hidden() ? 'hidden' : 'fast' });
    this.meter.put(now, n);
    this.away = now;
    this.tell();
  }

  private tell(): void {
    this.changed.set(this.changed.get() + 1);
  }
}
