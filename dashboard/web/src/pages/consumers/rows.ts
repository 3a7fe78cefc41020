import type { Status, Stream, Group } from '../../core/types';

// Commands that say at a terminal what the page says. Pure.

// quote a word for a shell, where it needs it.
export const quote = (word: string): string => (/^[\w./:@%+,=-]+$/.test(word) && !word.startsWith('-') ? word : `'${word.replaceAll("'", "'\\''")}'`);

// commands of the nats tool that show what the page shows, and change nothing.
// The server's address has no user or password in it.
const server = (status: Status | undefined): string => (status?.url ? ` --server ${quote(status.url)}` : '');

export const streamCommand = (stream: string, status?: Status): string => `nats${server(status)} stream info ${quote(stream)}`;
export const groupCommand = (stream: string, group: string, status?: Status): string => `nats${server(status)} consumer info ${quote(stream)} ${quote(group)}`;

// The same as the buttons do.
export const pauseCommand = (stream: string, group: string, length: string, status?: Status): string => `nats${server(status)} consumer pause ${quote(stream)} ${quote(group)} ${length}`;
export const resumeCommand = (stream: string, group: string, status?: Status): string => `nats${server(status)} consumer resume ${quote(stream)} ${quote(group)}`;

// overtaken: the stream has removed blocks which the group has not settled.
export const overtaken = (s: Stream, g: Group): boolean => s.when_full === 'expire' && g.pending > 0 && g.ack_floor > 0 && s.first > g.ack_floor + 1;
