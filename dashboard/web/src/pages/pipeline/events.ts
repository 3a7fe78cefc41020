import { answerWords, halts } from '../../core/causes';
import { outputOf, receivers, type Flow } from '../../core/flow';
import { duration, plural, short } from '../../core/format';
import type { Dead } from '../../core/dead';
import type { Interval, SeriesStore } from '../../core/series';
import type { Status } from '../../core/types';

// What happened, as far as it can be known from here: programs do not tell that
// they start or stop, but everyone reports each second, so that silence is seen.
// Pure.

export interface Happening {
  at: number; // unix seconds
  tone: 'ok' | 'warn' | 'err' | 'plain';
  who: string;
  what: string;
}

export interface Facts {
  store: SeriesStore;
  began: number; // unix ms
  away: readonly Interval[]; // unix seconds in which we could not listen
  statuses: readonly Status[]; // changes since the page was opened, oldest first
  flows: readonly Flow[];
  dead: Dead | null;
  now: number; // unix seconds
}

const SILENT = 5; // seconds without a word, while others speak, that are worth a line
export const MOST = 60;

export function happenings(f: Facts): Happening[] {
  const list = [...senders(f), ...links(f), ...brokers(f), ...groups(f), ...letters(f)];
  if (f.began > 0) list.push({ at: f.began / 1000, tone: 'plain', who: 'dashboard', what: 'started; nothing reported before is known' });
  return list.sort((a, b) => b.at - a.at).slice(0, MOST);
}

function senders({ store, began, now }: Facts): Happening[] {
  const list: Happening[] = [];
  const end = Math.floor(now) - 3, start = Math.max(Math.ceil(began / 1000), end - 3590);
  for (const program of new Set(store.list().map((s) => s.program))) {
    const mine = store.list().filter((s) => s.program === program), { sender: name } = mine[0]!, sender = outputOf(mine[0]!);
    const kind = receivers(store).some((s) => s.sender === name) ? 'receiver' : 'output';
    let last: number | null = null, missed = 0; // seconds in which others reported
    for (let t = start; t <= end; t++) {
      if (mine.some((s) => s.fine.at(t) !== null)) {
        if (last === null && t > start + 10 && missed > SILENT) list.push({ at: t, tone: 'ok', who: sender, what: `${kind} first heard` });
        if (last !== null && missed >= SILENT) list.push({ at: t, tone: 'warn', who: sender, what: `${kind} is back after ${duration(t - last - 1)} of silence: restarted, or its connection was lost` });
        last = t;
        missed = 0;
      } else if (store.anything(t)) missed++;
    }
    for (const h of halts(store, program, start, end)) {
      list.push({ at: h.from, tone: 'err', who: sender, what: `delivers nothing: the far end ${answerWords(h.cause)}` });
      if (h.to < end) list.push({ at: h.to, tone: 'ok', who: sender, what: `delivers again, after ${duration(h.to - h.from)}` });
    }
    if (last !== null && missed >= SILENT) list.push({ at: last, tone: 'err', who: sender, what: `${kind} last heard; silent since` });
  }
  return list;
}

function links({ away, now }: Facts): Happening[] {
  return away.map(([from, to]) => (to > now
    ? { at: from, tone: 'err' as const, who: 'this page', what: 'lost the dashboard server' }
    : { at: to, tone: 'warn' as const, who: 'this page', what: `connected again after ${duration(to - from)}` }));
}

function brokers({ statuses }: Facts): Happening[] {
  return statuses.flatMap((s, i): Happening[] => {
    const before = statuses[i - 1];
    if (s.since <= 0) return [];
    if (s.nats === 'down') return before?.nats === 'down' ? [] : [{ at: s.since / 1000, tone: 'err', who: 'NATS', what: `not reachable${s.err ? `: ${s.err}` : ''}` }];
    if (s.js === 'down') return before?.js === 'down' && before.nats === 'up' ? [] : [{ at: s.since / 1000, tone: 'warn', who: 'JetStream', what: `does not answer${s.err ? `: ${s.err}` : ''}` }];
    if (before && (before.nats === 'down' || before.js === 'down')) return [{ at: s.since / 1000, tone: 'ok', who: 'NATS', what: `and JetStream answer again${s.url && before.url && s.url !== before.url ? `, now ${s.url}` : ''}` }];
    return [];
  });
}

function groups({ flows }: Facts): Happening[] {
  return flows.flatMap((f): Happening[] => {
    const made = f.group ? Date.parse(f.group.created) / 1000 : f.balance ? f.balance.epoch / 1e9 : 0;
    return made > 0 ? [{ at: made, tone: 'plain', who: f.name, what: `group made on ${f.stream}${f.balance?.closed && !f.group ? '; it has ended since' : ''}` }] : [];
  });
}

function letters({ dead }: Facts): Happening[] {
  return (dead?.kinds ?? []).flatMap((k): Happening[] => {
    const at = Date.parse(k.first) / 1000;
    return at > 0 ? [{ at, tone: 'err', who: k.group, what: `first dead letter “${k.pattern || k.error_type}”, ${plural(k.letters, 'letter')} within the hour${k.status ? `, status ${short(k.status)}` : ''}` }] : [];
  });
}
