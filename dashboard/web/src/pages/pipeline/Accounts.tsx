import { save } from '../../core/file';
import { count, percent } from '../../core/format';
import type { Books } from '../../core/types';
import { href } from '../../core/url';
import { change } from '../../core/settings';
import { moment } from '../../core/time';
import { track } from '../../core/track';
import { verdict } from '../../core/verdict';
import { Icon } from '../../ui/icons';
import { Panel } from '../../ui/Panel';
import { Bar, Empty, Pill } from '../../ui/parts';
import { take, type Account, type Baseline } from './baseline';
import { accountsCSV } from './csv';

export interface AccountsProps {
  books: Books | null;
  list: readonly Account[];
  base: Baseline;
  at: number | null;
  fresh: boolean; // connected, with NATS, and not too old
  now: number; // unix ms
}

// Accounts: what became of every record, per group, from a moment of choice.
export function Accounts({ books, list, base, at, fresh, now }: AccountsProps) {
  const set = base['at'] !== undefined;
  const expired = list.some((a) => a.expired !== 0), carried = list.some((a) => a.carried !== 0);
  const v = verdict(books, fresh, (key) => track.differs(key));
  const several = (books?.streams ?? []).length > 1;
  const error = books?.error ?? (books?.streams ?? []).find((s) => s.error)?.error;
  const export_ = () => save(`accounting-${(books?.at ?? '').slice(0, 19).replaceAll(':', '')}.csv`, 'text/csv;charset=utf-8', accountsCSV(list, books?.at ?? ''));
  return (
    <Panel
      title="Accounting"
      unit={`records ${set ? `since ${moment(base['at']!, now)}` : 'since each group began'} · every record has exactly one outcome per group`}
      at={at} every={5} class="accounts"
      actions={<>{books && <Pill tone={v.tone} title={v.hint}>{v.text}</Pill>}<span class="tools">
        <button class="btn sm" disabled={!fresh || list.length === 0} title={fresh ? 'Count from now on; only in this browser' : 'There are no fresh figures'} onClick={() => books && change({ baseline: take(books, Date.parse(books.at)) })}>Set baseline now</button>
        {set && <button class="btn sm" title="Count since each group began" onClick={() => change({ baseline: {} })}>Since the beginning</button>}
        <button class="btn sm" disabled={list.length === 0} onClick={export_}><Icon name="download" size={12} />CSV</button>
      </span></>}
      empty={books && list.length === 0 ? (error ? <Empty title="The ledger has no figures">{error}</Empty> : <Empty title="No group reads the stream yet">A subscriber makes one when it starts; from then on its records are accounted for.</Empty>) : null}
    >
      {error && <p class="note warn"><Icon name="warn" />{error}</p>}
      <div class="scroll" tabIndex={0} role="region" aria-label="Accounting by group">
        <table class="tb">
          <thead>
            <tr>
              <th scope="col">Group</th>
              {carried && <th scope="col" class="num" title="Stored before the baseline and not settled then">Pending then</th>}
              <th scope="col" class="num">{carried && '+ '}Received</th>
              <th scope="col" class="num" title="Acknowledged by the far end">= <i class="key f-c1" />Delivered</th>
              <th scope="col" class="num" title="Sorted out by the group's match spec">+ <i class="key f-c6" />Filtered</th>
              <th scope="col" class="num" title="Refused by the far end for good; kept in the dead letter stream">+ <i class="key f-errf" />Dead-lettered</th>
              <th scope="col" class="num" title="Stored and without an outcome yet">+ <i class="key f-warnf" />Pending</th>
              {expired && <th scope="col" class="num" title="Removed by the stream before they were settled">+ Lost</th>}
              <th scope="col" class="num" title="What the sum lacks; must be 0">Difference</th>
              <th scope="col" class="num" title="Delivered of all that has an outcome or waits for one, rounded down">Delivered share</th>
              <th scope="col" class="rest">The rest, by outcome</th>
            </tr>
          </thead>
          <tbody>{list.map((a) => <Row key={a.key} a={a} several={several} carried={carried} expired={expired} set={set} fresh={fresh} />)}</tbody>
        </table>
      </div>
    </Panel>
  );
}

function Row({ a, several, carried, expired, set, fresh }: { a: Account; several: boolean; carried: boolean; expired: boolean; set: boolean; fresh: boolean }) {
  const n = (value: number) => (a.known ? count(value) : '–');
  const b = a.balance, all = a.carried + a.stored, off = a.difference !== 0 && track.differs(a.key) >= 2;
  const rest = [{ value: a.filtered, tone: 'c6' }, { value: a.pending, tone: 'warnf' }, { value: a.dead + a.expired, tone: 'errf' }];
  const more = [b.already > 0 && `${count(b.already)} were known to the sink before`, b.repaired > 0 && `${count(b.repaired)} needed a repair`].filter(Boolean).join(', ');
  return (
    <tr class={a.known && (off || a.expired > 0) ? 'e' : ''}>
      <th scope="row" class="b"><a href={href('consumers', { group: a.key })}>{b.group}</a>{several && <span class="t3"> {a.stream}</span>}{b.closed && <span class="t3" title="Its consumer is gone; the figures are its last"> ended</span>}{set && a.whole && <span class="t3" title="It is newer than the baseline, or its figures were not known then"> all of it</span>}</th>
      {carried && <td class="num t2">{n(a.carried)}</td>}
      <td class="num b">{n(a.stored)}</td>
      <td class="num" title={more ? `Since the group began: ${more}` : undefined}>{n(a.delivered)}</td>
      <td class="num">{n(a.filtered)}</td>
      <td class={`num ${a.known && a.dead > 0 ? 'err b' : ''}`}>{a.known && a.dead > 0 ? <a class="err" href={href('dead')}>{count(a.dead)}</a> : n(a.dead)}</td>
      <td class="num" title={a.known ? `${count(b.pending_blocks)} blocks; all is settled up to ${count(b.settled_to)}` : undefined}>{n(a.pending)}</td>
      {expired && <td class={`num ${a.expired > 0 ? 'err b' : ''}`}>{n(a.expired)}</td>}
      <td class="num">{!a.known ? <span title={b.error}>–</span> : a.difference === 0 ? <span class={fresh ? 'ok b' : ''}>0{fresh && ' ✓'}</span> : <span class={off ? 'err b' : 't2'} title={`Look after block ${count(b.settled_to)}: lager_ctl ledger, lager_ctl trace`}>{count(a.difference)}</span>}</td>
      <td class="num">{a.known ? percent(a.delivered, all) : '–'}</td>
      <td class="rest">{a.known && all > a.delivered ? <Bar parts={rest} label={`Not delivered: ${count(a.filtered)} filtered, ${count(a.pending)} pending, ${count(a.dead)} dead-lettered${a.expired ? `, ${count(a.expired)} lost` : ''}`} /> : <span class="t3">{a.known && all > 0 ? 'nothing' : '–'}</span>}</td>
    </tr>
  );
}
