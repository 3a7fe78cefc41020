import { get, parsed, Problem } from './api';
import { known, type Process } from './programs';
import { FINE, SeriesStore, type Interval } from './series';
import { Store } from './store';
import type { Books, Boot, Consumers, FromServer, Row, SeriesAnswer, Status } from './types';

// The connection to /api/v2/stream and all that came over it. It reconnects by
// itself, resumes where it was, and remembers when it could not listen.

export type Link =
  | { kind: 'connecting' }
  | { kind: 'live'; since: number }
  | { kind: 'down'; since: number; retryAt: number }
  | { kind: 'signedout' };

// Dated is something with the local time from which it is, so that it can be
// called stale.
export interface Dated<T> {
  at: number;
  value: T;
}

export interface Tail {
  rows(rows: Row[], counts: { matched: number; seen: number; skipped: number }): void;
  error?(e: { title: string; detail: string; offset?: number; expected?: string }): void;
  again?(): void; // the connection was lost and is back: rows in between are missing
}

export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((m: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
  send(text: string): void;
  close(): void;
}

// World is what a test replaces.
export interface World {
  now(): number;
  random(): number;
  after(ms: number, f: () => void): () => void; // returns what cancels it
  open(): Socket;
  get<T>(path: string, params?: Record<string, string | number>): Promise<T>;
}

export const browser: World = {
  now: () => Date.now(),
  random: () => Math.random(),
  after(ms, f) {
    const id = setTimeout(f, ms);
    return () => clearTimeout(id);
  },
  open() {
    const url = new URL('api/v2/stream', document.baseURI);
    url.protocol = url.protocol.replace('http', 'ws');
    return new WebSocket(url, 'lagermeister.v2') as unknown as Socket;
  },
  get: (path, params) => get(path, params),
};

const FIRST_RETRY = 250, LAST_RETRY = 10_000, SILENCE = 15_000;

export class Live {
  readonly link = new Store<Link>({ kind: 'connecting' });
  readonly boot = new Store<Boot | null>(null);
  readonly status = new Store<Dated<Status> | null>(null);
  readonly ledger = new Store<Dated<Books> | null>(null);
  readonly consumers = new Store<Dated<Consumers> | null>(null);
  readonly programs = new Store<readonly Process[]>([]);
  readonly newVersion = new Store(false);
  readonly series = new SeriesStore();
  readonly away: Interval[] = []; // unix seconds of the server in which we could not listen
  readonly historyError = new Store<Problem | null>(null);

  reconnects = 0;
  dropped = 0; // events the server left out because we were too slow
  droppedAt = 0; // local ms
  events = 0; // since the page was opened
  frameAt = 0; // local ms of the last frame
  skew = 0; // server clock minus ours, ms

  private socket: Socket | null = null;
  private resume = 0;
  private ui = '';
  private retry = FIRST_RETRY;
  private cancel: () => void = () => {};
  private cancelWatch: () => void = () => {};
  private tails = new Map<number, { q: string; text: string; max: number; to: Tail; sent: boolean }>();
  private nextTail = 1;
  private slow = false;
  private counts: [number, number][] = []; // [local ms, events] of the last seconds
  private wanted = 0; // seconds of fine history already asked for
  private coarse = false;

  constructor(private readonly world: World = browser) {}

  now = (): number => this.world.now();
  // The server's clock, which dates the events.
  serverNow = (): number => this.world.now() + this.skew;

  // rate is events per second over the last five.
  rate(): number {
    const now = this.world.now();
    this.counts = this.counts.filter(([at]) => at > now - 5000);
    return this.counts.reduce((sum, [, n]) => sum + n, 0) / 5;
  }

  start(): void {
    void this.askBoot();
    this.connect();
  }

  stop(): void {
    this.cancel();
    this.cancelWatch();
    const socket = this.socket;
    this.socket = null;
    if (socket) socket.onclose = null;
    socket?.close();
  }

  retryNow(): void {
    if (this.link.get().kind !== 'down') return;
    this.retry = FIRST_RETRY;
    this.cancel();
    this.connect();
  }

  // hidden tabs get a batch every five seconds and no rows.
  setHidden(hidden: boolean): void {
    this.slow = hidden;
    this.send({ t: 'slow', on: hidden });
  }

  // tail begins a tail and returns what ends it.
  tail(q: string, text: string, max: number, to: Tail): () => void {
    const id = this.nextTail++;
    this.tails.set(id, { q, text, max, to, sent: this.link.get().kind === 'live' });
    this.send({ t: 'tail', id, q, text, max });
    return () => {
      this.tails.delete(id);
      this.send({ t: 'untail', id });
    };
  }

  // want makes sure that the last seconds of history are here, once.
  async want(seconds: number): Promise<void> {
    const coarse = seconds > FINE;
    if (coarse ? this.coarse : seconds <= this.wanted) return;
    if (coarse) this.coarse = true;
    else this.wanted = seconds;
    await this.history(seconds, coarse ? 10 : 1);
  }

  private async history(window: number, step: number): Promise<void> {
    try {
      const answer = await this.world.get<SeriesAnswer>('series', { window, step });
      this.series.load(answer);
      this.historyError.set(null);
    } catch (e) {
      if (step === 10) this.coarse = false;
      else this.wanted = 0;
      if (e instanceof Problem) this.historyError.set(e);
      else throw e;
    }
  }

  private async askBoot(): Promise<void> {
    try {
      const boot = await this.world.get<Boot>('boot');
      this.boot.set(boot);
      this.noticeVersion(boot.ui);
    } catch (e) {
      if (e instanceof Problem && e.status === 401) this.link.set({ kind: 'signedout' });
    }
  }

  private noticeVersion(ui: string): void {
    if (this.ui === '') this.ui = ui;
    else if (ui !== '' && ui !== this.ui) this.newVersion.set(true);
  }

  private connect(): void {
    const socket = this.world.open();
    this.socket = socket;
    socket.onopen = () => {
      if (this.slow) socket.send(JSON.stringify({ t: 'slow', on: true }));
      socket.send(JSON.stringify({ t: 'sub', topics: ['m', 'ledger', 'consumers', 'programs'], resume: this.resume }));
      this.watch(socket);
    };
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket || typeof data !== 'string') return;
      this.frameAt = this.world.now();
      this.watch(socket);
      for (const message of parsed(data) as FromServer[]) this.take(message);
    };
    socket.onclose = () => {
      if (socket === this.socket) this.lost();
    };
  }

  // watch gives up a connection on which nothing came for long: a server that is
  // alive sends a ping or a frame, but only frames can be seen from here, and one
  // comes each second when anybody reports.
  private watch(socket: Socket): void {
    this.cancelWatch();
    this.cancelWatch = this.world.after(SILENCE * 4, () => {
      if (socket !== this.socket || this.slow) return;
      socket.onclose = null;
      socket.close();
      this.lost();
    });
  }

  private lost(): void {
    this.cancelWatch();
    this.socket = null;
    const now = this.world.now();
    const was = this.link.get();
    if (was.kind === 'signedout') return;
    if (was.kind === 'live') this.away.push([this.serverNow() / 1000 - 1, Infinity]);
    const wait = this.retry * (0.5 + this.world.random() / 2);
    this.retry = Math.min(this.retry * 2, LAST_RETRY);
    this.link.set({ kind: 'down', since: was.kind === 'down' ? was.since : now, retryAt: now + wait });
    this.cancel = this.world.after(wait, () => this.connect());
    // A socket does not tell why it was refused; boot does.
    if (this.retry >= 2000) void this.askBoot();
  }

  private send(message: unknown): void {
    if (this.socket && this.link.get().kind === 'live') this.socket.send(JSON.stringify(message));
  }

  private take(m: FromServer): void {
    const now = this.world.now();
    switch (m.t) {
      case 'hello':
        this.hello(m, now);
        break;
      case 'm': {
        this.skew = m.now - now;
        this.resume = m.seq;
        this.events += m.d.length;
        this.counts.push([now, m.d.length]);
        const second = m.now / 1000;
        for (const point of m.d) this.series.put(point, second);
        break;
      }
      case 'ledger':
        this.ledger.set({ at: this.made(m.at, now), value: m });
        break;
      case 'consumers':
        this.consumers.set({ at: this.made(m.at, now), value: m });
        break;
      case 'programs':
        this.programs.set(known(m.programs));
        break;
      case 'status':
        this.status.set({ at: now, value: m });
        break;
      case 'gap':
        this.dropped += m.dropped;
        this.droppedAt = now;
        void this.history(FINE, 1); // the server still has it by the second
        break;
      case 'rows':
        this.tails.get(m.id)?.to.rows(m.rows, m);
        break;
      case 'err':
        this.tails.get(m.id)?.to.error?.(m);
        break;
    }
  }

  // made is when an answer was, by our clock: while the server cannot ask, it repeats
  // the last one.
  private made(at: string | null, now: number): number {
    const then = Date.parse(at ?? '') - this.skew;
    return then < now ? then : now;
  }

  private hello(m: { now: number; ui: string; began: number }, now: number): void {
    this.skew = m.now - now;
    this.noticeVersion(m.ui);
    this.series.began = m.began;
    this.retry = FIRST_RETRY;
    const before = this.link.get().kind;
    this.link.set({ kind: 'live', since: now });
    const last = this.away.at(-1);
    if (last && last[1] === Infinity) {
      last[1] = m.now / 1000 + 1;
      this.reconnects++;
      if (before === 'down') {
        void this.history(Math.min(FINE, Math.ceil(last[1] - last[0]) + 30), 1);
        void this.askBoot();
      }
    }
    for (const [id, tail] of this.tails) {
      this.send({ t: 'tail', id, q: tail.q, text: tail.text, max: tail.max });
      if (tail.sent) tail.to.again?.();
      tail.sent = true;
    }
    if (this.away.length > 100) this.away.shift();
    if (!this.boot.get()) void this.askBoot();
    void this.want(900);
  }
}

export const live = new Live();
