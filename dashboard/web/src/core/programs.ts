import { programOf, sourceOf } from './series';
import { visible } from './text';
import type { Told } from './types';

// Processes that say since when they run and in which version, as senders of events.
// Those of one source (program and host) differ by when they have started. Pure.

export interface Process extends Told {
  group: string;
  program: string; // as Series has them
  source: string;
  until: number; // unix ms: stopped, or last heard; Infinity while it runs
}

// known are processes as the server tells them, whose names anybody may choose.
export const known = (list: readonly Told[]): Process[] => list.map((p) => {
  const origin = { sender: visible(p.sender), ip: visible(p.ip), group: visible(p.group ?? '') };
  return {
    ...p, ...origin, program: programOf(origin), source: sourceOf(origin), version: visible(p.version), until: p.until ?? Infinity,
    ...(p.failure && { failure: { ...p.failure, text: visible(p.failure.text) } }),
  };
});

// release is a version as it is called: by its tag, else by its commit, with + where
// it was built from more than that.
export function release(version: string): string {
  const [tag, commit, more] = version.split(' ') as [string, string?, string?];
  return commit && /^[0-9a-f]{12}$/.test(commit) && !/^v\d+(\.\d+)*$/.test(tag) ? commit.slice(0, 7) + (more === 'modified' ? '+' : '') : tag;
}

// Run is what is known of processes that run now.
export interface Run {
  since: number | null; // unix ms, of the youngest
  versions: string[]; // different ones
  processes: readonly Process[];
}

export function run(list: readonly Process[], mine: (p: Process) => boolean): Run {
  const processes = list.filter((p) => p.state === 'running' && mine(p));
  return {
    since: processes.length ? Math.max(...processes.map((p) => p.started)) : null,
    versions: [...new Set(processes.map((p) => release(p.version)).filter(Boolean))], processes,
  };
}
