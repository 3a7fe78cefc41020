import type { Series, SeriesStore } from './series';
import type { Balance, Books, Consumers, Group, Stream } from './types';

// Who is who: receivers and outputs are told apart by what they report, groups
// are joined from the ledger (records) and JetStream (blocks).

const OUTPUT = ['Lag', 'BatchSize', 'Delivered', 'DeliveryLatencyP99'];

export function isOutput(store: SeriesStore, sender: string): boolean {
  return OUTPUT.some((type) => store.reportedBy(type, sender));
}

export const receivers = (store: SeriesStore): Series[] => store.of('Throughput').filter((s) => !isOutput(store, s.sender));

// outputs are what each output settles at its far end; older ones only report
// Throughput, which is the same.
export function outputs(store: SeriesStore): Series[] {
  const delivered = store.of('Delivered');
  const older = store.of('Throughput').filter((s) => isOutput(store, s.sender) && !delivered.some((d) => d.sender === s.sender && d.ip === s.ip));
  return [...delivered, ...older];
}

// nameOf a series among others: the sender, with its address only where several
// have the same name.
export function nameOf(series: Series, among: readonly Series[]): string {
  const same = among.some((s) => s !== series && s.sender === series.sender);
  return same && series.ip ? `${series.sender} ${series.ip}` : series.sender;
}

export interface Flow {
  key: string; // stream/group
  stream: string;
  name: string;
  balance: Balance | null; // records; null: the ledger does not know it
  group: Group | null; // blocks; null: JetStream did not tell
  info: Stream | null;
  senders: string[]; // that deliver for it
}

// The senders' names are older than groups and say nothing of them. These are
// the groups they have unless set otherwise.
const usual: Record<string, string> = { 'es-output': 'es_subscriber', 'http-output': 'http_subscriber', 'hub-output': 'hub' };

// groupOf the sender of an output: the group of its own name, else its usual one,
// else the only one there is; null when that cannot be known.
export function groupOf(sender: string, groups: readonly string[]): string | null {
  const usually = usual[sender];
  if (groups.includes(sender)) return sender;
  if (usually && groups.includes(usually)) return usually;
  return groups.length === 1 ? groups[0]! : null;
}

export function flows(books: Books | null, consumers: Consumers | null, senders: readonly string[]): Flow[] {
  const found = new Map<string, Flow>();
  const flow = (stream: string, name: string): Flow => {
    const key = `${stream}/${name}`;
    let f = found.get(key);
    if (!f) found.set(key, (f = { key, stream, name, balance: null, group: null, info: null, senders: [] }));
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
  for (const sender of senders) {
    const name = groupOf(sender, names);
    const owners = list.filter((f) => f.name === name);
    if (owners.length === 1) owners[0]!.senders.push(sender); // two streams with such a group: not known whose it is
  }
  return list;
}
