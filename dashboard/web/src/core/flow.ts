import { duration } from './format';
import type { Metrics, Origin, Series } from './series';
import type { Balance, Books, Consumers, Group, Stream } from './types';

// Who is who: receivers and outputs are told apart by what they report, groups
// are joined from the ledger (records) and JetStream (blocks).

const OUTPUT = ['Lag', 'BatchSize', 'Delivered', 'DeliveryLatencyP99'];

const isOutput = (store: Metrics, sender: string): boolean => OUTPUT.some((type) => store.of(type).some((s) => s.sender === sender));

export const receivers = (store: Metrics): Series[] => store.of('Throughput').filter((s) => !isOutput(store, s.sender));

// outputs are what each output settles at its far end, one series a source. Older
// ones only report Throughput, which is the same; who has delivered nothing so far
// reports neither.
export function outputs(store: Metrics): Series[] {
  const sources = new Map(OUTPUT.flatMap((type) => store.of(type)).map((s) => [s.source, s]));
  const own = (type: string, source: string) => store.of(type).find((s) => s.source === source);
  return [...sources].map(([source, s]) => own('Delivered', source) ?? own('Throughput', source) ?? s.quiet('Delivered'));
}

// speaks: any of these programs has reported anything within ten seconds.
export function speaks(store: Metrics, programs: ReadonlySet<string>, now: number): boolean {
  return outputs(store).some((s) => programs.has(s.program) && s.over(Math.floor(now) - 11, Math.floor(now)) !== null);
}

// unread: blocks wait and nobody fetches them. What a member held when it died is in
// hand for JetStream all the same, so that its silence tells.
export function unread({ group: g, programs }: Flow, store: Metrics, now: number): boolean {
  return g !== null && !g.paused && g.waiting === 0 && (g.unacked === 0 ? g.pending > 0 : programs.size > 0 && !speaks(store, programs, now));
}

// nameOf who reports among others: the sender, and of group and address what it
// takes to tell those of the same name apart.
export function nameOf(one: Origin, among: readonly Origin[]): string {
  let name = one.sender, same = among.filter((o) => o !== one && o.sender === one.sender);
  for (const part of ['group', 'ip'] as const) {
    if (one[part] === '' || same.every((o) => o[part] === one[part])) continue;
    name += ` ${one[part]}`;
    same = same.filter((o) => o[part] === one[part]);
  }
  return name;
}

// outputOf a member: all members of a group are one output.
export const outputOf = (o: Origin): string => (o.group ? `${o.sender} ${o.group}` : o.sender);

// pressing it is that a stream fills up in so many seconds: within an hour, within a
// day, or not, since a minute's growth says little of weeks.
export const pressing = (left: number | null): 'err' | 'warn' | '' => (left === null || left > 86_400 ? '' : left > 3600 ? 'warn' : 'err');

// soon it happens: now, in 12 min.
export const soon = (left: number): string => (left < 1 ? 'now' : `in ${duration(left)}`);

export interface Flow {
  key: string; // stream/group
  stream: string;
  name: string;
  balance: Balance | null; // records; null: the ledger does not know it
  group: Group | null; // blocks; null: JetStream did not tell
  info: Stream | null;
  programs: ReadonlySet<string>; // that deliver for it
}

// Not all senders say which group they deliver for. These are the groups they have
// unless set otherwise.
const usual: Record<string, string> = { 'es-output': 'es_subscriber', 'http-output': 'http_subscriber', 'hub-output': 'hub' };

// groupOf the sender of an output: the group of its own name, else its usual one,
// else the only one there is; null when that cannot be known.
export function groupOf(sender: string, groups: readonly string[]): string | null {
  const usually = usual[sender];
  if (groups.includes(sender)) return sender;
  if (usually && groups.includes(usually)) return usually;
  return groups.length === 1 ? groups[0]! : null;
}

export function flows(books: Books | null, consumers: Consumers | null, out: readonly Series[]): Flow[] {
  type Growing = Flow & { programs: Set<string> };
  const found = new Map<string, Growing>();
  const flow = (stream: string, name: string): Growing => {
    const key = `${stream}/${name}`;
    let f = found.get(key);
    if (!f) found.set(key, (f = { key, stream, name, balance: null, group: null, info: null, programs: new Set() }));
    return f;
  };
  for (const s of books?.streams ?? []) for (const b of s.groups ?? []) flow(s.stream, b.group).balance = b;
  for (const s of consumers?.streams ?? []) {
    for (const g of s.groups ?? []) {
      const f = flow(s.name, g.name);
      f.group = g;
      f.info = s;
    }
  }
  const list = [...found.values()];
  const names = [...new Set(list.filter((f) => !f.balance?.closed).map((f) => f.name))];
  for (const s of out) {
    const name = s.group || groupOf(s.sender, names);
    const owners = list.filter((f) => f.name === name);
    if (owners.length === 1) owners[0]!.programs.add(s.program); // two streams with such a group: not known whose it is
  }
  return list;
}
