import { Problem } from '../../core/api';
import { pressing } from '../../core/flow';
import { bytes, count, duration, percent, plural, short } from '../../core/format';
import type { GroupRow } from '../../core/groups';
import { release, type Process } from '../../core/programs';
import { alarm } from '../../core/series';
import { exact } from '../../core/time';
import type { Group, Status, Stream } from '../../core/types';
import { href } from '../../core/url';
import { Panel } from '../../ui/Panel';
import { Command, Empty, Meter, State } from '../../ui/parts';
import { Table, type Column, type Sort } from '../../ui/Table';
import { Detail } from './Detail';
import { Fact } from './Fact';
import { overtaken, streamCommand } from './rows';

// The server may say why the groups of one stream are not known.
type Told = Stream & { error?: string };

export interface Row extends GroupRow {
  group: Group | null;
  programs: ReadonlySet<string>; // that deliver for it
  processes: readonly Process[]; // of a member, that run now
  of: Row | null; // the group of a member, which is sorted with it
}

export interface StreamPanelProps {
  name: string;
  stream: Told | null; // null: only the ledger knows it
  rows: readonly Row[];
  at: number | null;
  now: number; // unix ms of the server
  chosen: string; // key of the group shown in full
  choose: (key: string) => void;
  flip: (key: string) => void;
  sort: Sort | null;
  onSort: (s: Sort) => void;
  status: Status | undefined;
}

const up = (value: (r: Row) => number | string | null) => (r: Row) => value(r.of ?? r);

// StreamPanel: one stream and the groups that read it. Figures of JetStream are
// blocks and say so; records come from the ledger.
export function StreamPanel(p: StreamPanelProps) {
  const { stream: s, rows } = p;
  const groups = rows.filter((r) => !r.member);
  const columns: Column<Row>[] = [
    {
      key: 'name', title: 'Group / member', sort: up((r) => r.name),
      cell: (r) => r.member ? r.name : <><button class="tw" aria-expanded={r.open} aria-label={`Members of ${r.name}`} onClick={() => p.flip(r.key)}>{r.open ? '▾' : '▸'}</button><button class="link plain b" aria-expanded={p.chosen === r.key} onClick={() => p.choose(p.chosen === r.key ? '' : r.key)}>{r.name}</button></>,
    },
    { key: 'members', title: 'Members', hint: 'Senders that report deliveries for it, and as how many processes; JetStream does not tell members apart', cell: (r) => <><span class={r.member ? 'mono t2' : 't2'}>{r.members}</span>{r.processes.map((q) => <Up key={q.started} of={q} now={p.now} />)}</> },
    { key: 'rate', title: 'Rate', num: true, hint: 'Records settled per second', sort: up((r) => r.rate), cell: (r) => (r.rate === null ? '–' : `${short(r.rate)}/s`) },
    { key: 'lag', title: 'Lag', num: true, hint: 'Age of the oldest record in hand, as its members report', sort: up((r) => r.lag), cell: (r) => <span class={alarm(r.lag, r.threshold) && `${alarm(r.lag, r.threshold)} b`}>{duration(r.lag)}</span> },
    { key: 'pending', title: 'Pending', num: true, hint: 'Records without an outcome, from the ledger', sort: up((r) => r.pending), cell: (r) => (r.member ? '' : count(r.pending)) },
    { key: 'blocks', title: 'Undelivered blocks', num: true, hint: 'Blocks not delivered yet: num_pending of JetStream', sort: up((r) => r.group?.pending ?? null), cell: (r) => (r.member ? '' : count(r.group?.pending)) },
    { key: 'unacked', title: 'Unacked / limit, blocks', hint: 'Blocks delivered and not settled, of as many as are allowed', sort: up((r) => r.unacked), cell: (r) => (r.member ? '' : r.unacked === null ? '–' : <>{count(r.unacked)} / {r.limit! > 0 ? count(r.limit) : '∞'}{r.limit! > 0 && <Meter value={r.unacked} limit={r.limit!} />}</>) },
    { key: 'redelivered', title: 'Redelivered blocks', num: true, hint: 'Blocks in hand that were delivered more than once', sort: up((r) => r.redelivered), cell: (r) => (r.member ? '' : count(r.redelivered)) },
    { key: 'floor', title: 'Ack floor', num: true, hint: 'Sequence up to which every block is settled', sort: up((r) => r.group?.ack_floor ?? null), cell: (r) => (r.member ? '' : count(r.group?.ack_floor)) },
    { key: 'drains', title: 'Drains in', num: true, hint: 'Until nothing is pending, at the speed of the last minute', cell: (r) => <span class={r.drains === 'growing' ? 'warn' : 't2'}>{r.drains}</span> },
    { key: 'state', title: 'State', sort: up((r) => r.state.text), cell: (r) => <span title={r.state.hint}>{r.state.tone === 'plain' ? <span class="t3">{r.state.text}</span> : <State tone={r.state.tone}>{r.state.text}</State>}</span> },
  ];
  return (
    <Panel
      title={p.name} unit={s ? `subject ${s.subject || '–'} · ${plural(groups.length, 'group')}` : 'the stream is gone; these are its last figures'} at={p.at} every={5} class="stream"
      problem={s?.error && groups.length === 0 ? new Problem({ title: 'the groups of this stream are not known', detail: s.error }) : null}
    >
      {s && <Facts s={s} status={p.status} />}
      {groups.length === 0
        ? <Empty title="No group reads this stream">Its records are kept until a subscriber comes{s?.when_full === 'expire' ? ', or until they must make room' : ''}.</Empty>
        : (
          <Table
            caption={`Groups of ${p.name}`} columns={columns} rows={rows} id={(r) => r.key} sort={p.sort} onSort={p.onSort} current={p.chosen}
            rowClass={(r) => `${r.member ? 'm' : 'g'} ${r.state.tone === 'warn' ? 'w' : r.state.tone === 'err' ? 'e' : ''}`}
            after={(r) => (p.chosen === r.key && !r.member ? <Detail r={r} s={s} name={p.name} now={p.now} status={p.status} /> : null)}
          />
        )}
    </Panel>
  );
}

// Up: how long one process of a member runs, and in which version.
const Up = ({ of, now }: { of: Process; now: number }) => (
  <div class="t3" title={`${of.version} since ${exact(of.started)}`}>up {duration((now - of.started) / 1000)}{of.version && ` · ${release(of.version)}`}</div>
);

function Facts({ s, status }: { s: Told; status: Status | undefined }) {
  const limited = s.max_bytes > 0, share = limited ? s.bytes / s.max_bytes : 0;
  const behind = (s.groups ?? []).filter((g) => overtaken(s, g));
  const full = share > 0.95 ? 'err b' : share > 0.8 ? 'warn b' : '';
  const soon = pressing(s.left_s) && `${pressing(s.left_s)} b`;
  return (
    <>
      {behind.length > 0 && <p class="note err"><b>Loss:</b> {s.name} has removed blocks that {behind.map((g) => g.name).join(', ')} had not settled.</p>}
      <dl class="facts">
        <Fact name="Size of limit"><span class={full}>{bytes(s.bytes)}{limited ? ` of ${bytes(s.max_bytes)}` : ', no limit'}</span>{limited && <><Meter value={s.bytes} limit={s.max_bytes} /> <span class="t3">{percent(s.bytes, s.max_bytes)}</span></>}</Fact>
        <Fact name={s.when_full === 'expire' ? 'Until the first loss' : 'Until full'} hint="At the rate of the last minute; – when it does not come to that, or is not known yet"><span class={soon}>{s.left_s !== null && s.left_s < 1 ? 'now' : duration(s.left_s)}</span></Fact>
        <Fact name="Held by" hint="The group that has settled least: what it has not settled cannot be removed">{s.held_by ? <span class={soon}>{s.held_by}</span> : '–'}</Fact>
        <Fact name="When full">{s.when_full === 'expire' ? 'drops the oldest' : 'refuses new records'}</Fact>
        <Fact name="Blocks" hint="Stored now, and their sequences">{count(s.messages)} <span class="t3">{count(s.first)} … {count(s.last)}</span></Fact>
        <Fact name="Replicas">{count(s.replicas)}</Fact>
        <Fact name="Dead letters">{s.dead ? <a href={href('dead')} class={s.dead.messages > 0 ? 'err b' : ''}>{count(s.dead.messages)} held, {bytes(s.dead.bytes)}{s.dead.max_bytes > 0 && ` of ${bytes(s.dead.max_bytes)}`}</a> : 'none ever'}</Fact>
      </dl>
      <div class="same"><span class="t3">The same at a terminal</span><Command text={streamCommand(s.name, status)} /></div>
    </>
  );
}
