import { count, percent } from '../../core/format';
import { track } from '../../core/track';
import type { Balance, Books } from '../../core/types';
import { href } from '../../core/url';
import { verdict } from '../../core/verdict';
import { Panel } from '../../ui/Panel';
import { Bar, Command, Empty, Pill } from '../../ui/parts';

const columns = [['Delivered', 'c1'], ['Filtered', 'c6'], ['Dead-lettered', 'errf'], ['Pending', 'warnf']] as const;

// Accounting: what became of every record, per group, with the difference.
export function Accounting({ books, at, fresh }: { books: Books | null; at: number | null; fresh: boolean }) {
  const streams = books?.streams ?? [];
  const rows = streams.flatMap((s) => (s.groups ?? []).map((g) => ({ ...g, stream: s.stream })));
  const lost = rows.some((g) => g.expired > 0);
  const error = books?.error ?? streams.find((s) => s.error)?.error;
  const v = verdict(books, fresh, (key) => track.differs(key));
  return (
    <Panel
      title="Accounting"
      unit="since each group began · every record has exactly one outcome per group"
      at={at}
      every={5}
      class="acct"
      actions={<>{books && <Pill tone={v.tone} title={v.hint}>{v.text}</Pill>}<a href={href('pipeline')} class="nw">Pipeline →</a></>}
      empty={books && rows.length === 0 ? (error
        ? <Empty title="The ledger has no figures">{error}</Empty>
        : <Empty title="No group reads the stream yet"><p>A subscriber makes one when it starts, for example into Elasticsearch:</p><Command text="ESSUB_REMOTE_URL=http://127.0.0.1:9200 go run ./es_subscriber" /></Empty>) : null}
    >
      <div class="scroll" tabIndex={0} role="group" aria-label="Accounting by group">
        <table>
          <thead>
            <tr>
              <th scope="col">Output group</th>
              <th scope="col">Received</th>
              {columns.map(([name, tone]) => [<td key={name + '='} class="op" aria-hidden="true" />, <th key={name} scope="col"><i class={`key f-${tone}`} />{name}</th>])}
              {lost && [<td key="=" class="op" aria-hidden="true" />, <th key="lost" scope="col" title="Removed by the stream before they were settled">Lost</th>]}
              <th scope="col">Difference</th>
              <th scope="col">Delivered share</th>
              <th scope="col" class="rest">The rest, by outcome</th>
            </tr>
          </thead>
          <tbody>{rows.map((g) => <Row key={`${g.stream}/${g.group}`} g={g} lost={lost} streams={streams.length} fresh={fresh} />)}</tbody>
        </table>
      </div>
    </Panel>
  );
}

function Row({ g, lost, streams, fresh }: { g: Balance & { stream: string }; lost: boolean; streams: number; fresh: boolean }) {
  const known = g.state !== 'unknown';
  const n = (value: number) => (known ? count(value) : '–');
  const rest = [{ value: g.filtered, tone: 'c6' }, { value: g.pending, tone: 'warnf' }, { value: g.dead + g.expired, tone: 'errf' }];
  const op = (sign: string) => <td class="op" aria-hidden="true">{sign}</td>;
  return (
    <tr>
      <th scope="row" class="b">{g.group}{streams > 1 && <span class="t3"> {g.stream}</span>}{g.closed && <span class="t3" title="Its consumer is gone; the figures are its last"> ended</span>}</th>
      <td class="b">{n(g.stored)}</td>
      {op('=')}<td title={g.already || g.repaired ? `${count(g.already)} were known to the sink before, ${count(g.repaired)} needed a repair` : undefined}>{n(g.delivered)}</td>
      {op('+')}<td>{n(g.filtered)}</td>
      {op('+')}<td class={known && g.dead > 0 ? 'err b' : ''}>{n(g.dead)}</td>
      {op('+')}<td>{n(g.pending)}</td>
      {lost && <>{op('+')}<td class={g.expired > 0 ? 'err b' : ''}>{n(g.expired)}</td></>}
      <td>{!known ? <span title={g.error}>–</span> : g.difference === 0 ? <span class={fresh ? 'ok b' : 't3'}>{fresh ? '0 ✓' : '0'}</span> : <a class={track.differs(`${g.stream}/${g.group}`) >= 2 ? 'err b' : 't2'} href={href('pipeline')}>{count(g.difference)}</a>}</td>
      <td>{known ? percent(g.delivered, g.stored) : '–'}</td>
      <td class="rest">
        {known && g.stored > g.delivered ? <Bar parts={rest} label={`Not delivered: ${count(g.filtered)} filtered, ${count(g.pending)} pending, ${count(g.dead)} dead-lettered${g.expired ? `, ${count(g.expired)} lost` : ''}`} /> : <span class="t3">{known && g.stored > 0 ? 'nothing' : '–'}</span>}
      </td>
    </tr>
  );
}
