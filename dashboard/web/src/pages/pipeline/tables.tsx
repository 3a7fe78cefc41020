import { listed, refusalWords } from '../../core/causes';
import { bytes, count, duration, millis, percent, plural, short } from '../../core/format';
import { release, type Process, type Run } from '../../core/programs';
import { exact } from '../../core/time';
import { Panel } from '../../ui/Panel';
import { Age, Time } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';
import type { Happening } from './events';
import type { Receiver, Stage } from './stages';

const perSecond = (v: number | null) => (v === null ? '–' : `${short(v)}/s`);

const whose = (p: Process) => (p.ip ? `${p.sender} on ${p.ip}` : p.sender);
const uptime = (r: Run, now: number) => (r.since === null ? '–' : <span title={r.processes.map((p) => `${whose(p)} since ${exact(p.started)}`).join('\n')}>{duration(now - r.since / 1000)}</span>);
const version = (r: Run) => <span class="cut" title={r.processes.map((p) => `${whose(p)} ${p.version}`).join('\n') || undefined}>{r.versions.length > 1 ? plural(r.versions.length, 'version') : r.versions[0] ?? '–'}</span>;
// each says the same of every process, where one figure cannot.
const each = (r: Run, now: number) => r.processes.map((p) => `${whose(p)} ${release(p.version) || 'of no version'}, up ${duration(now - p.started / 1000)}`).join('; ');

// equations of the processes of a receiver since each has started.
const equations = (r: Receiver) => r.run.processes.flatMap((p) => (p.totals ? [`${count(p.totals.received)} received = ${count(p.totals.stored)} stored + ${count(p.totals.filtered)} filtered + ${count(p.totals.rejected)} rejected + ${count(p.totals.in_flight)} in flight`] : [])).join('; ') || undefined;

// Receivers: what each takes in. now is the server's clock, seconds; known how
// many seconds of the last hour are.
export function Receivers({ list, now, warn, error, known, at }: { list: readonly Receiver[]; now: number; warn: number; error: number; known: number; at: number | null }) {
  const tone = (r: Receiver) => (r.seen === null || now - r.seen > error ? 'err' : now - r.seen > warn ? 'warn' : 'ok');
  const word = { ok: 'reporting', warn: 'late', err: 'silent' };
  const columns: Column<Receiver>[] = [
    { key: 'sender', title: 'Receiver', sort: (r) => r.sender, cell: (r) => <span class="st b"><span class={`dot ${tone(r)}`} title={word[tone(r)]} /><span class="vh">{word[tone(r)]} </span>{r.sender}</span> },
    { key: 'ip', title: 'Source', cell: (r) => <span class="mono t2">{r.ip || '–'}</span> },
    { key: 'total', title: 'Received', num: true, hint: 'Records within the time named above', sort: (r) => r.total, cell: (r) => count(r.total) },
    { key: 'stored', title: '= Stored', num: true, hint: 'Acknowledged by the stream; – where the program does not report it', cell: (r) => count(r.stored) },
    { key: 'filtered', title: '+ Filtered', num: true, hint: 'Sorted out by its match spec; – where the program does not report it', cell: (r) => count(r.filtered) },
    { key: 'rejected', title: '+ Rejected', num: true, hint: 'Not valid, or the stream could not take them; – where the program does not report it', cell: (r) => <span class={r.rejected ? 'err b' : ''}>{count(r.rejected)}</span> },
    { key: 'storing', title: '+ In flight', num: true, hint: 'Read and not acknowledged by the stream yet, now; – where the program does not report it', cell: (r) => count(r.storing) },
    { key: 'difference', title: 'Difference', num: true, hint: 'What the sum lacks, of all records since its process has started, as that counts them at one moment; must be 0; – where the program does not report it', cell: (r) => <span class={r.difference === null ? '' : r.difference === 0 ? 'ok b' : 'err b'} title={equations(r)}>{count(r.difference)}</span> },
    { key: 'rate', title: 'Rate', num: true, hint: 'Records per second, mean of 5 s', sort: (r) => r.rate, cell: (r) => perSecond(r.rate) },
    { key: 'bytes', title: 'Bytes', num: true, sort: (r) => r.bytes, cell: (r) => (r.bytes === null ? '–' : `${bytes(r.bytes)}/s`) },
    { key: 'connections', title: 'Connections', num: true, hint: 'Open now; – where the program does not report it', cell: (r) => count(r.connections) },
    { key: 'up', title: 'Up', num: true, hint: 'Since its process has started; – where the program does not report it', sort: (r) => (r.run.since === null ? null : -r.run.since), cell: (r) => uptime(r.run, now) },
    { key: 'version', title: 'Version', cell: (r) => version(r.run) },
    { key: 'seen', title: 'Last heard', num: true, sort: (r) => r.seen, cell: (r) => <Age at={r.seen === null ? null : r.seen * 1000} now={(now - 1) * 1000} class={tone(r) === 'ok' ? 't2' : `${tone(r)} b`} /> },
  ];
  return (
    <Panel title="Receivers" unit={`records of the last ${duration(known)}`} at={at} every={2} empty={list.length === 0 && at !== null ? <p class="empty">No receiver has reported.</p> : null}>
      <Table caption="Receivers" columns={columns} rows={list} id={(r) => r.key} after={(r) => (r.reasons.length > 0 || r.run.processes.length > 1 || Boolean(r.difference)) && (
        <>
          {Boolean(r.difference) && <p class="refused">The sum is off by {plural(r.difference!, 'record')} since the start: {equations(r)}.</p>}
          {r.run.processes.length > 1 && <p class="refused">{plural(r.run.processes.length, 'process', 'processes')}: {each(r.run, now)}.</p>}
          {r.reasons.length > 0 && <p class="refused">Rejected: {listed(r.reasons, refusalWords)}. <span class="t3">{again(r)}</span></p>}
        </>
      )} />
    </Panel>
  );
}

// again tells how what was refused can come once more: it is not held anywhere.
const again = (r: Receiver): string => (r.sender.startsWith('http')
  ? 'The answer told their senders: what got 4xx must be mended there, what got 503 can be sent again as it is.'
  : 'Nothing tells their senders, since TCP knows no answer: mend them and send again from there.');

// Stages: totals, rates and errors, in the order of a record's way.
export function Stages({ list, now, known, at }: { list: readonly Stage[]; now: number; known: number; at: number | null }) {
  const basis = (s: Stage) => (s.basis === 'last hour' ? `last ${duration(known)}` : s.basis);
  const columns: Column<Stage>[] = [
    { key: 'name', title: 'Stage', cell: (s) => <span class="b">{s.name}</span> },
    { key: 'total', title: 'Total', num: true, cell: (s) => <>{count(s.total)} <span class="t3">{s.what}</span></> },
    { key: 'basis', title: 'Counted', cell: (s) => <span class="t3">{basis(s)}</span> },
    { key: 'rate', title: 'Rate 1 m', num: true, hint: 'Per second, mean of the last minute', cell: (s) => perSecond(s.rate) },
    { key: 'errors', title: 'Errors', num: true, cell: (s) => (s.errors === null ? '–' : <span class={s.errors > 0 ? 'err b' : ''}>{count(s.errors)} <span class="t3">{s.failed}</span></span>) },
    { key: 'share', title: 'Error rate', num: true, hint: 'Errors of total and errors, rounded down', cell: (s) => percent(s.errors, s.errors === null || s.total === null ? null : s.key === 'receive' ? s.total : s.total + s.errors) },
    { key: 'p99', title: 'p99 post', num: true, hint: 'Slowest percentile of posts within the last minute', cell: (s) => millis(s.p99) },
    { key: 'uptime', title: 'Uptime', num: true, hint: 'Of the youngest of its processes; – where they do not report it', cell: (s) => uptime(s.run, now) },
    { key: 'version', title: 'Version', cell: (s) => version(s.run) },
  ];
  return (
    <Panel title="Stages" unit="totals and rates" at={at} every={5} empty={list.length === 0 && at !== null ? <p class="empty">Nothing has reported yet.</p> : null}>
      <Table caption="Stages" columns={columns} rows={list} id={(s) => s.key} after={(s) => s.run.versions.length > 1 && <p class="refused">{plural(s.run.versions.length, 'version')}: {each(s.run, now)}.</p>} />
    </Panel>
  );
}

export function Events({ list, now, at }: { list: readonly Happening[]; now: number; at: number | null }) {
  const word = { ok: 'good', warn: 'warning', err: 'error', plain: '' };
  return (
    <Panel title="Events" unit="of the last hour, from programs, silences, the ledger and the connection" at={at} every={5} empty={list.length === 0 && at !== null ? <p class="empty">Nothing out of the ordinary is known.</p> : null}>
      <ul class="events">
        {list.map((e) => (
          <li key={`${e.at} ${e.who} ${e.what}`}>
            <Time at={e.at * 1000} now={now} class="mono t3" />
            <span class={`dot ${e.tone === 'plain' ? 't3' : e.tone}`} />{word[e.tone] && <span class="vh">{word[e.tone]}</span>}
            <span><b>{e.who}</b> {e.what}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
