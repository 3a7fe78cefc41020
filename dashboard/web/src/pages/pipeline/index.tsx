import { useEffect, useState } from 'preact/hooks';
import { dead as deadStore } from '../../core/dead';
import { flows, outputs } from '../../core/flow';
import { groupRows } from '../../core/groups';
import { live } from '../../core/live';
import { FINE } from '../../core/series';
import { settings } from '../../core/settings';
import { useStore } from '../../core/store';
import { useAtTick } from '../../core/tick';
import { track } from '../../core/track';
import { growth } from '../../ui/growth';
import { stale } from '../../ui/Panel';
import { Page } from '../../ui/Shell';
import { Accounts } from './Accounts';
import { accounts } from './baseline';
import { happenings, type Happening } from './events';
import { statuses } from './journal';
import './pipeline.css';
import { receiverRows, stageRows } from './stages';
import { Events, Receivers, Stages } from './tables';
import { Topology } from './Topology';

const none: ReadonlySet<string> = new Set();

// Where is every record: on its way, settled, or lost, and what happened meanwhile.
export default function Pipeline() {
  const { baseline } = useStore(settings);
  useEffect(() => {
    const want = () => {
      if (live.link.get().kind === 'live') void live.want(FINE);
    };
    want();
    return live.link.on(want);
  }, []);

  const v = useAtTick((t) => {
    const now = t.server / 1000, store = live.series;
    const books = live.ledger.get(), consumers = live.consumers.get(), boot = live.boot.get(), status = live.status.get()?.value;
    const connected = live.link.get().kind === 'live';
    const up = connected && status?.nats !== 'down' && status?.js !== 'down';
    const out = outputs(store);
    const list = flows(books?.value ?? null, consumers?.value ?? null, out);
    const { seenWarn, seenError } = settings.get();
    const programs = live.programs.get();
    const receivers = receiverRows(store, now, programs);
    const newest = store.newest();
    const blocks = (stream: string) => growth.rate(stream, t.server);
    return {
      t, now, store, books, consumers, list, receivers, blocks,
      fresh: up && books !== null && !stale(books.at, 5, t.now),
      warn: seenWarn ?? boot?.thresholds.seen_warn_s ?? 10, error: seenError ?? boot?.thresholds.seen_error_s ?? 60,
      known: Math.max(0, Math.min(FINE, store.began > 0 ? now - store.began / 1000 : 0)),
      eventsAt: newest === null ? null : connected ? t.now - Math.max(0, now - newest - 2) * 1000 : newest * 1000 - live.skew,
      // What is drawn of several sources is as old as the oldest of them.
      flowAt: consumers === null ? null : connected ? consumers.at : Math.min(consumers.at, live.frameAt),
      groups: groupRows(list, store, track, out, none, now).filter((g) => !g.member),
      stages: stageRows(store, track, receivers, list, consumers?.value ?? null, blocks, now, programs, status?.version),
    };
  }, []);

  // An hour of seconds is gone through every five of them.
  const [events, setEvents] = useState<Happening[]>([]);
  const turn = Math.floor(v.t.n / 5);
  useEffect(() => {
    setEvents(happenings({ store: live.series, began: live.series.began, away: live.away, statuses, programs: live.programs.get(), flows: v.list, dead: deadStore.get(), now: v.now }));
  }, [turn, v.books === null, v.consumers === null]);

  return (
    <Page title="Pipeline" class="pipeline">
      <Topology receivers={v.receivers} consumers={v.consumers?.value ?? null} groups={v.groups} blocks={v.blocks} now={v.now} silentAfter={v.error} at={v.flowAt} />
      <Accounts books={v.books?.value ?? null} list={accounts(v.books?.value ?? null, baseline)} base={baseline} at={v.books?.at ?? null} fresh={v.fresh} now={v.t.server} />
      <Receivers list={v.receivers} now={v.now} warn={v.warn} error={v.error} known={v.known} at={v.eventsAt} />
      <div class="pair">
        <Stages list={v.stages} now={v.now} known={v.known} at={v.flowAt} />
        <Events list={events} now={v.t.server} at={v.eventsAt} />
      </div>
    </Page>
  );
}
