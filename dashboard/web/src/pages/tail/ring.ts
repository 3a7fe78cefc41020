import type { Row } from '../../core/types';

// What the list shows: records, and between them what is not there.

export type Line =
  | { id: number; kind: 'row'; row: TailRow }
  | { id: number; kind: 'skipped'; n: number; from: number; to: number; why: 'fast' | 'hidden' } // local ms
  | { id: number; kind: 'missed'; blocks: number }
  | { id: number; kind: 'note'; text: string };

export interface TailRow extends Row {
  stream?: string;
  cut?: boolean; // the record is longer than what came
}

type New = Line extends infer L ? (L extends Line ? Omit<L, 'id'> : never) : never;

// Ring keeps the newest lines, size at most. Numbers of lines never repeat.
export class Ring {
  added = 0; // records since the beginning or the last clear
  private list: Line[] = [];
  private next = 1;

  constructor(private size: number) {}

  put(line: New): void {
    const last = this.list.at(-1);
    // What is skipped one after the other is one line; a new one, so that its change is seen.
    if (line.kind === 'skipped' && last?.kind === 'skipped' && last.why === line.why) {
      this.list[this.list.length - 1] = { ...last, n: last.n + line.n, to: line.to };
      return;
    }
    if (line.kind === 'missed' && last?.kind === 'missed') {
      this.list[this.list.length - 1] = { ...last, blocks: last.blocks + line.blocks };
      return;
    }
    if (line.kind === 'row') this.added++;
    this.list.push({ ...line, id: this.next++ } as Line);
    if (this.list.length > this.size * 1.25) this.trim();
  }

  resize(size: number): void {
    this.size = size;
    this.trim();
  }

  clear(): void {
    this.list = [];
    this.added = 0;
  }

  // lines are a copy: what is looked at stands still.
  lines(): Line[] {
    return this.list.slice(-this.size);
  }

  private trim(): void {
    this.list = this.list.slice(-this.size);
  }
}

// Rate is what came in the last seconds.
export interface Rates {
  seen: number; // a second
  matched: number;
  shown: number | null; // share of what matched, 0 to 1
}

export class Meter {
  private list: { at: number; seen: number; matched: number; skipped: number }[] = [];

  put(at: number, n: { seen: number; matched: number; skipped: number }): void {
    this.list.push({ at, seen: n.seen, matched: n.matched, skipped: n.skipped });
  }

  over(now: number, seconds: number): Rates & { counts: { seen: number; matched: number; skipped: number } } {
    this.list = this.list.filter((e) => e.at > now - 10_000);
    const counts = { seen: 0, matched: 0, skipped: 0 };
    for (const e of this.list) {
      if (e.at <= now - seconds * 1000) continue;
      counts.seen += e.seen;
      counts.matched += e.matched;
      counts.skipped += e.skipped;
    }
    return { seen: counts.seen / seconds, matched: counts.matched / seconds, shown: counts.matched > 0 ? 1 - counts.skipped / counts.matched : null, counts };
  }
}
