import type { Status, Stream, Group } from '../../core/types';

// What the words of the State column mean, and commands that say the same. Pure.

export const meanings: Record<string, string> = {
  Running: 'Nothing that is known of it is wrong',
  Idle: 'Everything is settled and nobody waits for more',
  Behind: 'A member reports more lag than its warning threshold',
  'At ack limit': 'As many blocks as allowed are delivered and not settled: it gets no more until some are',
  'No reader': 'Nobody fetches, and blocks wait',
  Paused: 'Delivery is paused at the server',
  Ended: 'Its consumer is gone; the ledger keeps its last figures',
  Silent: 'It has not reported for 10 s',
};

// quote a word for a shell, where it needs it.
export const quote = (word: string): string => (/^[\w./:@%+,=-]+$/.test(word) && !word.startsWith('-') ? word : `'${word.replaceAll("'", "'\\''")}'`);

// commands of the nats tool that show what the page shows, and change nothing.
// The server's address has no user or password in it.
const server = (status: Status | undefined): string => (status?.url ? ` --server ${quote(status.url)}` : '');

export const streamCommand = (stream: string, status?: Status): string => `nats${server(status)} stream info ${quote(stream)}`;
export const groupCommand = (stream: string, group: string, status?: Status): string => `nats${server(status)} consumer info ${quote(stream)} ${quote(group)}`;

// overtaken: the stream has removed blocks which the group has not settled.
export const overtaken = (s: Stream, g: Group): boolean => s.when_full === 'expire' && g.pending > 0 && g.ack_floor > 0 && s.first > g.ack_floor + 1;
