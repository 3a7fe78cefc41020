import { useEffect, useMemo, useState } from 'preact/hooks';
import { dead as deadStore } from '../../core/dead';
import { flows, outputs } from '../../core/flow';
import { count, short } from '../../core/format';
import { groupRows } from '../../core/groups';
import { useKey } from '../../core/keys';
import { live } from '../../core/live';
import { parseZoom, range, windows, type WindowName } from '../../core/range';
import { holes, type Interval } from '../../core/series';
import { settings } from '../../core/settings';
import { useAtTick } from '../../core/tick';
import { clock, moment } from '../../core/time';
import { track } from '../../core/track';
import { href, setParams, useParam } from '../../core/url';
import { Chart } from '../../ui/Chart';
import { outputHue, receiverHue } from '../../ui/color';
import { batchCounts, batchSize, failed, lag, latency, latencyOutputs, throughputIn, throughputOut, thresholds } from '../../ui/lines';
import { stale } from '../../ui/Panel';
import { Command, Empty, Seg } from '../../ui/parts';
import { Page } from '../../ui/Shell';
import { Accounting } from './Accounting';
import { attention } from './rules';
import { Attention } from './Attention';
import { figures } from './figures';
import { Groups } from './Groups';
import { LastSeen } from './LastSeen';
import './overview.css';
import { senders } from './senders';
import { Tiles } from './Tiles';

const batchFormat = (v: number | null) => (v !== null && v >= 10 && v < 10000 ? count(v) : short(v));

// Is it healthy, and where is the problem?
export default function Overview() {
  const [name, setName] = useParam('w', '15m');
  const [zoomText] = useParam('z');
  const [latencyOf, setLatencyOf] = useParam('latency');
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const seconds = windows.find(([n]) => n === name)?.[1] ?? 900;
  const zoom = useMemo(() => parseZoom(zoomText), [zoomText]);

  const setZoom = (z: Interval | null) => setParams({ z: z && `${z[0]}-${Math.max(z[1], z[0] + 10)}` });
  const step = (by: number) => {
    const i = windows.findIndex(([n]) => n === name) + by;
    if (windows[i]) setParams({ w: windows[i]![0] === '15m' ? null : windows[i]![0], z: null });
  };
  useKey('[', 'Shorter window', () => step(-1));
  useKey(']', 'Longer window', () => step(1));

  useEffect(() => {
    const want = () => {
      if (live.link.get().kind === 'live') void live.want(seconds).then(() => live.want(21600)); // the last for "vs 1 h ago"
    };
    want();
    return live.link.on(want);
  }, [seconds]);

  const v = useAtTick((t) => {
    const books = live.ledger.get(), consumers = live.consumers.get(), boot = live.boot.get(), status = live.status.get()?.value;
    const connected = live.link.get().kind === 'live', store = live.series, now = t.server / 1000;
    // Without a connection everything but ages stands still, as of when it was lost.
    const shown = connected ? now : Math.min(now, (live.frameAt + live.skew) / 1000);
    const r = range(seconds, zoom, shown);
    const out = outputs(store);
    const list = flows(books?.value ?? null, consumers?.value ?? null, out);
    const { seenWarn, seenError } = settings.get();
    const warn = seenWarn ?? boot?.thresholds.seen_warn_s ?? 10, error = seenError ?? boot?.thresholds.seen_error_s ?? 60;
    const seen = senders(store, now);
    const up = connected && status?.nats !== 'down' && status?.js !== 'down';
    const current = books !== null && !stale(books.at, 5, t.now);
    const dropped = t.now - live.droppedAt < 60_000 ? live.dropped : 0;
    const dead = deadStore.get();
    const items = connected && status?.nats !== 'down' ? attention({ store, track, books: books?.value ?? null, consumers: consumers?.value ?? null, flows: list, dead, senders: seen, silentAfter: error, dropped, now }) : [];
    const latencyOutput = latencyOutputs(store).includes(latencyOf) ? latencyOf : latencyOutputs(store)[0] ?? '';
    const newest = store.newest();
    // Local time at which the newest event was made: what the live panels show is that old.
    const eventsAt = newest === null ? null : connected ? t.now - Math.max(0, now - newest - 2) * 1000 : (newest * 1000 - live.skew);
    return {
      t, now, r, books, consumers, items, warn, error, seen, out, dead, eventsAt, latencyOutput, boot, connected, current: connected && status?.nats !== 'down',
      fresh: up && current,
      loading: newest === null && live.link.get().kind !== 'down' && t.n < 4,
      began: store.began,
      tiles: figures({ store, track, books: current ? books.value : null, dead, now: shown }, r),
      rows: groupRows(list, store, track, out, open, shown, live.programs.get()),
      in: throughputIn(store, r, receiverHue), outs: throughputOut(store, r, outputHue), lag: lag(store, r, outputHue), size: batchSize(store, r, outputHue), posts: batchCounts(store, r),
      latency: latency(store, r, latencyOutput), failed: failed(store, r),
      limits: thresholds(store.of('Lag')),
      shade: holes(live.away, (s) => store.anything(s), r.from, r.to),
      latencies: latencyOutputs(store),
    };
  }, [seconds, zoom, latencyOf, open]);

  const controls = (
    <>
      {zoom && <button class="btn on" onClick={() => setZoom(null)} title="Back to the running window">{clock(zoom[0] * 1000)} – {clock(zoom[1] * 1000)} ×</button>}
      <Seg label="Time window" options={windows.map(([n]) => [n, n] as const)} value={(zoom ? '' : name) as WindowName} onChange={(n) => { setName(n); setParams({ w: n === '15m' ? null : n, z: null }); }} />
    </>
  );
  const none = v.seen.length === 0 && !v.loading && v.connected;
  const common = { range: [v.r.from, v.r.to - v.r.width] as Interval, shade: v.shade, began: v.began / 1000, onZoom: setZoom, at: v.eventsAt, every: 2 };
  const nothing = (what: string) => <Empty title={what}>{v.began > v.r.from * 1000 && v.began > 0 ? `History begins ${moment(v.began, v.t.now)}, when the dashboard started.` : null}</Empty>;
  const first = v.dead?.kinds.map((k) => ({ at: Date.parse(k.first) / 1000, text: k.error_type || k.pattern.slice(0, 30) })).filter((k) => k.at > v.r.from).sort((a, b) => a.at - b.at)[0] ?? null;
  const flip = (key: string) => setOpen((now) => {
    const next = new Set(now);
    if (!next.delete(key)) next.add(key);
    return next;
  });
  return (
    <Page title="Overview" controls={controls} class="overview">
      <Attention items={v.items} now={v.t.now} />
      {none && (
        <section class="card" aria-label="Nothing received yet">
          <Empty title="No receiver has reported.">
            <p>Start one, or everything at once; it reports on the NATS subject <code>{v.boot?.subject ?? 'stats-events'}</code>:</p>
            <Command text="go run ./tcp_receiver" />
            <Command text="go run ./log_generator" />
          </Empty>
        </section>
      )}
      <Tiles figures={v.tiles} stale={!v.current && v.eventsAt !== null} />
      <Accounting books={v.books?.value ?? null} at={v.books?.at ?? null} fresh={v.fresh} />
      <div class="charts">
        <Chart {...common} title="Throughput in" unit="msg/s by receiver" kind="stack" data={v.in} actions={<a href={href('search')} class="nw" title="The newest records, counted by the host they come from">Hosts →</a>} empty={v.in.lines.length === 0 && !v.loading ? nothing('No receiver reports') : null} />
        <Chart {...common} title="Throughput out" unit="msg/s by output" data={v.outs} empty={v.outs.lines.length === 0 && !v.loading ? nothing('No output reports') : null} />
        <Chart {...common} title="Lag" unit="seconds, per output" data={v.lag} thresholds={v.limits} empty={v.lag.lines.length === 0 && !v.loading ? nothing('No output reports its lag') : null} />
        <Chart {...common} title="Batch size" unit="records per batch, 10 s mean" data={v.size} format={batchFormat} extra={(i) => `${short(v.posts[i] ?? null)} batches/s`} empty={v.size.lines.length === 0 && !v.loading ? nothing('No batch was posted') : null} />
        <Chart
          {...common} title="Delivery latency" unit={`ms per post${v.latencies.length === 1 ? `, ${v.latencyOutput}` : ''}`} data={v.latency}
          actions={v.latencies.length > 1 && <select class="field small" aria-label="Output" value={v.latencyOutput} onChange={(e) => setLatencyOf(e.currentTarget.value)}>{v.latencies.map((s) => <option key={s}>{s}</option>)}</select>}
          empty={v.latency.lines.length === 0 && !v.loading ? nothing('No output reports its latency') : null}
        />
        <Chart
          {...common} title="Failed deliveries" unit={`per ${v.failed.width} s`} kind="bars" data={v.failed} note={v.failed.begins ?? first} extra={(i) => v.failed.why[i] ?? ''}
          range={[v.r.from, v.r.to]}
          empty={v.failed.lines.length === 0 && !v.loading ? nothing('No output reports failures') : null}
        />
      </div>
      <div class="two">
        <Groups rows={v.rows} consumers={v.consumers?.value ?? null} at={v.consumers?.at ?? null} flip={flip} />
        <LastSeen list={v.seen} now={v.now} warn={v.warn} error={v.error} at={v.connected ? null === v.eventsAt ? null : v.t.now : v.eventsAt} />
      </div>
    </Page>
  );
}
