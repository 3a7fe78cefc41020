import { count, percent } from '../../core/format';
import type { Balance, Books } from '../../core/types';
import { href } from '../../core/url';
import { Panel } from '../../ui/Panel';
import { Bar, Command, Empty, Pill, type Tone } from '../../ui/parts';

export interface Verdict {
  tone: Tone;
  text: string;
  hint: string;
}

// verdict over all groups. Balanced means that every record has its one outcome
// or is still on its way; it is only said of figures that are fresh.
export function verdict(balances: readonly Balance[], fresh: boolean, error: string | undefined): Verdict {
  if (!fresh) return { tone: 'plain', text: 'Paused', hint: 'There are no fresh figures' };
  if (error) return { tone: 'warn', text: 'Unknown', hint: error };
  if (balances.length === 0) return { tone: 'plain', text: 'No groups', hint: 'Nobody reads the stream yet' };
  const off = balances.reduce((n, b) => n + Math.abs(b.difference), 0), lost = balances.reduce((n, b) => n + b.expired, 0);
  if (off > 0) return { tone: 'err', text: `Difference ${count(off)}`, hint: 'Records without an outcome, or with two' };
  if (lost > 0) return { tone: 'err', text: `Lost ${count(lost)}`, hint: 'Removed by the stream before they were settled' };
  const unknown = balances.find((b) => b.state === 'unknown');
  if (unknown) return { tone: 'warn', text: 'Unknown', hint: `${unknown.group}: ${unknown.error ?? 'no figures'}` };
  return { tone: 'ok', text: 'Balanced', hint: 'Every stored record is delivered, filtered, dead-lettered or pending' };
}

const columns = [['Delivered', 'c1'], ['Filtered', 'c6'], ['Dead-lettered', 'errf'], ['Pending', 'warnf']] as const;

// Accounting: what became of every record, per group, with the difference.
export function Accounting({ books, at, fresh }: { books: Books | null; at: number | null; fresh: boolean }) {
  const streams = books?.streams ?? [];
  const rows = streams.flatMap((s) => (s.groups ?? []).map((g) => ({ ...g, stream: s.stream })));
  const lost = rows.some((g) => g.expired > 0);
  const error = books?.error ?? streams.find((s) => s.error)?.error;
  const v = verdict(rows, fresh, error);
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
      <td>{!known ? <span title={g.error}>–</span> : g.difference === 0 ? <span class={fresh ? 'ok b' : 't3'}>{fresh ? '0 ✓' : '0'}</span> : <a class="err b" href={href('pipeline')}>{count(g.difference)}</a>}</td>
      <td>{known ? percent(g.delivered, g.stored) : '–'}</td>
      <td class="rest">
        {known && g.stored > g.delivered ? <Bar parts={rest} label={`Not delivered: ${count(g.filtered)} filtered, ${count(g.pending)} pending, ${count(g.dead)} dead-lettered${g.expired ? `, ${count(g.expired)} lost` : ''}`} /> : <span class="t3">{known && g.stored > 0 ? 'nothing' : '–'}</span>}
      </td>
    </tr>
  );
}
