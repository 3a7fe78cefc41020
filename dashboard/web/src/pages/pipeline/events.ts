import { answerWords, halts } from '../../core/causes';
import { outputOf, receivers, type Flow } from '../../core/flow';
import { duration, plural, short } from '../../core/format';
import { release, type Process } from '../../core/programs';
import type { Dead } from '../../core/dead';
import type { Interval, Origin, SeriesStore } from '../../core/series';
import type { Status } from '../../core/types';

// What happened, as far as it can be known from here: programs tell that they start
// and stop, those that do not report each second, so that silence is seen. Pure.

export interface Happening {
  at: number; // unix seconds
  tone: 'ok' | 'warn' | 'err' | 'plain';
  who: string;
  what: string;
}

export interface Facts {
  store: SeriesStore;
  programs: readonly Process[];
  began: number; // unix ms
  away: readonly Interval[]; // unix seconds in which we could not listen
  statuses: readonly Status[]; // changes since the page was opened, oldest first
  flows: readonly Flow[];
  dead: Dead | null;
  now: number; // unix seconds
}

const SILENT = 5; // seconds without a word, while others speak, that are worth a line
const AWHILE = 30; // seconds within which a process that runs says so
const HOUR = 3600;
export const MOST = 60;

export function happenings(f: Facts): Happening[] {
  const list = [...sources(f), ...stops(f), ...links(f), ...brokers(f), ...groups(f), ...letters(f)];
  if (f.began > 0) list.push({ at: f.began / 1000, tone: 'plain', who: 'dashboard', what: 'started; nothing reported before is known' });
  return list.sort((a, b) => b.at - a.at).slice(0, MOST);
}

// sources tells who began, ended and fell silent: each program on each host by itself.
function sources({ store, programs, began, now }: Facts): Happening[] {
  const list: Happening[] = [];
  const end = Math.floor(now) - 3, start = Math.max(Math.ceil(began / 1000), end - 3590);
  const takes = new Set(receivers(store).map((s) => s.sender));
  const all = new Map<string, Origin & { program: string }>([...programs, ...store.list()].map((s) => [s.source, s]));
  for (const [source, from] of all) {
    const mine = store.list().filter((s) => s.source === source), told = programs.filter((p) => p.source === source);
    const kind = takes.has(from.sender) ? 'receiver' : 'output';
    const alone = [...all.values()].every((o) => o === from || o.program !== from.program);
    const who = alone ? outputOf(from) : `${outputOf(from)} ${from.ip}`;
    const say = (at: number, tone: Happening['tone'], what: string) => list.push({ at, tone, who, what: `${kind} ${what}` });
    const speaks = (t: number) => mine.some((s) => s.fine.at(t) !== null);
    // Whether a process has started in seconds, which is then told by itself.
    const started = (from: number, to: number) => told.some((p) => p.started >= from * 1000 && p.started < (to + 1) * 1000);
    let last: number | null = null, missed = 0; // seconds in which others reported
    for (let t = start; t <= end; t++) {
      if (speaks(t)) {
        if (last === null && t > start + 10 && missed > SILENT && !started(t - AWHILE, t)) say(t, 'ok', 'first heard');
        if (last !== null && missed >= SILENT && !started(last, t)) {
          const same = told.some((p) => p.started < last! * 1000 && p.until >= t * 1000);
          say(t, 'warn', `is back after ${duration(t - last - 1)} of silence: ${same ? 'it ran all the time, its connection was lost' : 'restarted, or its connection was lost'}`);
        }
        last = t;
        missed = 0;
      } else if (store.anything(t)) missed++;
    }
    lives(told, now, last, (at) => {
      let t = Math.floor(at) - 1; // its first words may bear the second it started in
      while (t > start && !speaks(t)) t--;
      return t > start ? t : null;
    }, say);
    const ended = told.some((p) => p.state === 'stopped' && last !== null && p.until >= last * 1000);
    if (last !== null && missed >= SILENT && !ended && !started(last, now)) say(last, 'err', 'last heard; silent since');
  }
  return list;
}

// stops tells when an output delivered nothing, on whatever hosts it runs.
function stops({ store, began, now }: Facts): Happening[] {
  const end = Math.floor(now) - 3, start = Math.max(Math.ceil(began / 1000), end - 3590);
  return [...new Map(store.list().map((s) => [s.program, outputOf(s)]))].flatMap(([program, who]) => halts(store, program, start, end).flatMap((h): Happening[] => [
    { at: h.from, tone: 'err', who, what: `delivers nothing: the far end ${answerWords(h.cause)}` },
    ...(h.to < end ? [{ at: h.to, tone: 'ok' as const, who, what: `delivers again, after ${duration(h.to - h.from)}` }] : []),
  ]));
}

// lives tells of the starts and ends of the processes of one source, the oldest first. A
// process that has started after another had ended is its successor. last is when any of
// them was heard last, before when one was before another moment.
function lives(told: readonly Process[], now: number, last: number | null, before: (at: number) => number | null, say: (at: number, tone: Happening['tone'], what: string) => void): void {
  const followed = new Set<Process>();
  const version = (p: Process) => release(p.version) || 'not told';
  for (const p of [...told].sort((a, b) => a.started - b.started)) {
    const at = p.started / 1000;
    const [old] = told.filter((o) => o !== p && !followed.has(o) && o.started < p.started && o.until <= p.started + 1000).sort((a, b) => b.until - a.until);
    if (old) followed.add(old);
    if (at < now - HOUR) continue;
    if (!old) {
      say(at, 'ok', `started, version ${version(p)}`);
      continue;
    }
    const became = version(old) === version(p) ? `version ${version(p)}` : `version ${version(old)} → ${version(p)}`;
    const others = told.some((o) => o !== p && o !== old && o.started < p.started && o.until > p.started); // whose words cover the silence
    const heard = others ? null : before(at);
    if (old.state === 'stopped') say(at, 'ok', `restarted, ${duration(Math.max(0, p.started - old.until) / 1000)} after it had stopped, ${became}`);
    else say(at, 'warn', heard === null ? `restarted, ${became}` : `restarted after ${duration(Math.max(1, Math.round(at - heard)))} of silence, ${became}`);
  }
  for (const p of told) {
    const at = p.until / 1000;
    if (p.state === 'stopped') say(at, followed.has(p) ? 'plain' : 'warn', `stopped, version ${version(p)}`);
    // The silence of the only one is seen to the second elsewhere.
    else if (p.state === 'silent' && !followed.has(p) && last !== null && last > at + AWHILE) say(at, 'err', `last heard of one process, version ${version(p)}; silent since`);
  }
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
