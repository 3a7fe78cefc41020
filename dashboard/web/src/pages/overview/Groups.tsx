import { count, duration, plural, short } from '../../core/format';
import type { GroupRow } from '../../core/groups';
import { alarm } from '../../core/series';
import type { Consumers } from '../../core/types';
import { href } from '../../core/url';
import { Problem } from '../../core/api';
import { Panel } from '../../ui/Panel';
import { Empty, Meter, State } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';

const TOP = 5;

const columns = (flip: (key: string) => void): Column<GroupRow>[] => [
  {
    key: 'name', title: 'Queue group / member',
    cell: (r) => r.member ? r.name : <><button class="tw" aria-expanded={r.open} aria-label={`Members of ${r.name}`} onClick={() => flip(r.key)}>{r.open ? '▾' : '▸'}</button><a class="cut" title={r.name} href={href('consumers', { group: r.key })}>{r.name}</a></>,
  },
  { key: 'members', title: 'Members', hint: 'Senders that report deliveries for it', cell: (r) => <span class={r.member ? 'mono t2' : 't2'}>{r.members}</span> },
  { key: 'rate', title: 'Rate', num: true, hint: 'Records delivered per second', cell: (r) => (r.rate === null ? '–' : `${short(r.rate)}/s`) },
  { key: 'lag', title: 'Lag ↓', num: true, cell: (r) => <span class={alarm(r.lag, r.threshold) && `${alarm(r.lag, r.threshold)} b`}>{duration(r.lag)}</span> },
  { key: 'pending', title: 'Pending', num: true, hint: 'Records, from the ledger', cell: (r) => (r.member ? '' : count(r.pending)) },
  { key: 'unacked', title: 'Unacked / limit', hint: 'Blocks, not records: what JetStream counts', cell: (r) => (r.member ? '' : r.unacked === null ? '–' : <>{count(r.unacked)} / {r.limit! > 0 ? count(r.limit) : '∞'}{r.limit! > 0 && <Meter value={r.unacked} limit={r.limit!} />}</>) },
  { key: 'redelivered', title: 'Redelivered', num: true, hint: 'Blocks in hand that were delivered more than once', cell: (r) => (r.member ? '' : count(r.redelivered)) },
  { key: 'drains', title: 'Drains in', num: true, hint: 'At the speed of the last minute', cell: (r) => <span class={r.drains === 'growing' ? 'warn' : 't2'}>{r.drains}</span> },
  { key: 'state', title: 'State', cell: (r) => <span title={r.state.hint}>{r.state.tone === 'plain' ? <span class="t3">{r.state.text}</span> : <State tone={r.state.tone}>{r.state.text}</State>}</span> },
];

// Groups: the five that are most behind.
export function Groups({ rows, consumers, at, flip }: { rows: readonly GroupRow[]; consumers: Consumers | null; at: number | null; flip: (key: string) => void }) {
  const groups = rows.filter((r) => !r.member);
  const last = groups[TOP]?.key;
  const shown = last ? rows.slice(0, rows.findIndex((r) => r.key === last)) : rows;
  const streams = consumers?.streams ?? [];
  const unit = consumers ? `${plural(groups.length, 'queue group')}${groups.length > TOP ? `, the ${TOP} most behind` : ''}${streams.length ? `, stream ${streams.map((s) => s.name).join(', ')}` : ''}` : undefined;
  return (
    <Panel
      title="Consumers" unit={unit} at={at} every={5}
      problem={consumers?.error && streams.length === 0 ? new Problem(consumers.error) : null}
      actions={<a href={href('consumers')} class="nw">All →</a>}
      empty={consumers && groups.length === 0 ? <Empty title={streams.length === 0 ? 'There is no stream yet' : 'No queue group reads the stream'}>{streams.length === 0 ? 'The first receiver or subscriber that starts creates it.' : 'Records are kept until a subscriber comes.'}</Empty> : null}
    >
      <Table caption="Consumers" columns={columns(flip)} rows={shown} id={(r) => r.key} rowClass={(r) => `${r.member ? 'm' : 'g'} ${r.state.tone === 'warn' ? 'w' : r.state.tone === 'err' ? 'e' : ''}`} />
    </Panel>
  );
}
