import { useMemo, useState } from 'preact/hooks';
import { causeName, causes, trouble } from '../../core/causes';
import { pressing, speaks } from '../../core/flow';
import { count, duration } from '../../core/format';
import { live } from '../../core/live';
import { range } from '../../core/range';
import { only, type Interval, type Series } from '../../core/series';
import { useStore } from '../../core/store';
import { useAtTick } from '../../core/tick';
import { parse } from '../../core/time';
import type { Status, Stream } from '../../core/types';
import { href } from '../../core/url';
import { Chart } from '../../ui/Chart';
import { outputHue } from '../../ui/color';
import { failed, lag, latency, throughputOut, thresholds } from '../../ui/lines';
import { Age, Command, Empty, Time } from '../../ui/parts';
import { Fact } from './Fact';
import { Pause } from './Pause';
import { groupCommand } from './rows';
import type { Row } from './StreamPanel';

const WINDOW = 900, HOUR = 3600; // seconds

// Detail is one group in full: how it is set, what its far end says, and its last
// quarter of an hour.
export function Detail({ r, s, name, now, status }: { r: Row; s: Stream | null; name: string; now: number; status: Status | undefined }) {
  const g = r.group;
  if (!g) return <div class="detail"><p class="t3">JetStream has no consumer of this name; only the ledger remembers it.</p></div>;
  return (
    <div class="detail">
      <p>{r.state.hint}{s?.held_by === g.name && pressing(s.left_s) ? '. It is what keeps the stream from making room' : ''}.</p>
      {s && <Pause key={r.key} s={s} g={g} pending={r.pending} now={now} status={status} />}
      <dl class="facts">
        <Fact name="Made"><Time at={parse(g.created)} now={now} /></Fact>
        <Fact name="Last delivery"><Age at={parse(g.last_delivered)} now={now} /></Fact>
        <Fact name="Last acknowledgement"><Age at={parse(g.last_ack)} now={now} /></Fact>
        <Fact name="Delivered up to" hint="Sequence of the newest block delivered">{count(g.delivered)}</Fact>
        <Fact name="Requests waiting" hint="Of members that ask for blocks; 0 while they have enough">{count(g.waiting)}</Fact>
        <Fact name="Acknowledge within" hint="A block not acknowledged by then is delivered again">{duration(g.ack_wait_s)}</Fact>
        <Answers programs={r.programs} />
      </dl>
      <Failure programs={r.programs} now={now} />
      <Charts programs={r.programs} />
      <div class="same"><span class="t3">The same at a terminal</span><Command text={groupCommand(name, g.name, status)} /></div>
    </div>
  );
}

// Answers of the far end, as far as they were not simply yes.
function Answers({ programs }: { programs: ReadonlySet<string> }) {
  const v = useAtTick((t) => {
    const end = Math.floor(t.server / 1000) - 1, mine = (s: Series) => programs.has(s.program);
    const sum = (type: string) => live.series.of(type).filter(mine).reduce((n, s) => n + (s.over(end - HOUR + 2, end, 'sum') ?? 0), 0);
    const known = duration(Math.max(1, Math.min(HOUR, t.server / 1000 - live.series.began / 1000)));
    return { known, repeated: causes(live.series, 'Retried', mine, end - HOUR + 2, end), all: sum('Retried'), dead: sum('DeadLettered'), why: trouble(live.series, programs, t.server / 1000), speaks: speaks(live.series, programs, t.server / 1000) };
  }, [programs]);
  if (programs.size === 0) return <Fact name="Far end" hint="No sender reports deliveries for this group">–</Fact>;
  return (
    <>
      <Fact name="Far end now">{v.why ? <span class="warn b">{v.why.end}</span> : v.speaks ? 'takes what it gets' : '–'}</Fact>
      <Fact name={`Posts repeated, last ${v.known}`} hint="By the status of the answer">{v.all === 0 ? '0' : v.repeated.map((c) => `${causeName(c.cause)} × ${count(c.n)}`).join(', ') || count(v.all)}</Fact>
      <Fact name={`Dead-lettered, last ${v.known}`}>{v.dead > 0 ? <a class="err b" href={href('dead')}>{count(v.dead)}</a> : '0'}</Fact>
    </>
  );
}

// Failure is the newest failed post of any member, in the words of its log.
function Failure({ programs, now }: { programs: ReadonlySet<string>; now: number }) {
  const [p] = useStore(live.programs).filter((p) => p.failure && programs.has(p.program)).sort((a, b) => b.failure!.at - a.failure!.at);
  return p?.failure ? <p class="failure"><span class="t3">Last failed post{p.ip && <>, {p.ip}</>}</span> <Time at={p.failure.at} now={now} /> <code>{p.failure.text}</code></p> : null;
}

function Charts({ programs }: { programs: ReadonlySet<string> }) {
  const [zoom, setZoom] = useState<Interval | null>(null);
  const store = useMemo(() => only(live.series, (s) => programs.has(s.program)), [programs]);
  const v = useAtTick((t) => {
    const r = range(WINDOW, zoom, t.server / 1000), output = store.of('DeliveryLatencyP99')[0];
    return {
      r, out: throughputOut(store, r, outputHue), lag: lag(store, r, outputHue), limits: thresholds(store.of('Lag')), failed: failed(store, r),
      latency: output ? latency(store, r) : { x: [], lines: [] },
    };
  }, [store, zoom]);
  const common = { range: [v.r.from, v.r.to - v.r.width] as Interval, began: live.series.began / 1000, onZoom: setZoom };
  const nothing = (text: string) => <Empty title={text} />;
  return (
    <div class="charts">
      <Chart {...common} title="Delivered" unit="msg/s by member" data={v.out} empty={v.out.lines.length === 0 ? nothing('No member reports') : null} />
      <Chart {...common} title="Lag" unit="seconds by member" data={v.lag} thresholds={v.limits} empty={v.lag.lines.length === 0 ? nothing('No member reports its lag') : null} />
      {v.failed.lines.some((l) => l.values.some((n) => n !== 0 && n !== null))
        ? <Chart {...common} title="Failed deliveries" unit={`per ${v.failed.width} s`} kind="bars" range={[v.r.from, v.r.to]} data={v.failed} note={v.failed.begins} extra={(i) => v.failed.why[i] ?? ''} />
        : <Chart {...common} title="Delivery latency" unit="ms per post" data={v.latency} empty={v.latency.lines.length === 0 ? nothing('No member reports its latency') : null} />}
    </div>
  );
}
