import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Problem } from '../../core/api';
import { askDead } from '../../core/dead';
import { bytes, count, plural } from '../../core/format';
import { live } from '../../core/live';
import { useKey } from '../../core/keys';
import { useTick } from '../../core/tick';
import { visible } from '../../core/text';
import { clock, moment, parse, zoneName } from '../../core/time';
import { setParams, useParam } from '../../core/url';
import type { Audit } from '../../core/types';
import { useAsked } from '../../ui/asked';
import { useForbidden } from '../../ui/change';
import { meant, written } from '../../ui/moments';
import { Panel } from '../../ui/Panel';
import { Age, copy, Empty, Pill, ProblemNote, Seg } from '../../ui/parts';
import { Page } from '../../ui/Shell';
import { Table } from '../../ui/Table';
import { Change, type Order } from './Change';
import { Changes } from './Changes';
import { Letters } from './Letters';
import { byGroup, period, reasonWords, rows, runs, streamOf, type Part, type Row, type Summary } from './model';
import './dead.css';

const EVERY = 30; // seconds
const REPLAYED = 3000; // ms that a replay takes, most often
const groupings = [['reason', 'Reason'], ['group', 'Group']] as const;
const periods = [['', 'any time'], ['3600', 'last hour'], ['86400', 'last 24 h'], ['604800', 'last 7 days'], ['own', 'from … to']] as const;

export default function Dead() {
  const [stream] = useParam('stream'), [group] = useParam('group'), [reason] = useParam('reason'), [match] = useParam('q');
  const [last] = useParam('last'), [from] = useParam('from'), [to] = useParam('to');
  const [by, setBy] = useParam('by', 'reason');
  const [spec, setSpec] = useState(match);
  const [order, setOrder] = useState<Order | null>(null);
  const { server } = useTick();
  const why = useForbidden('replay and drop letters; lager_ctl can, too');

  // "The last hour" is of the moment it was chosen: its limit must not move under the eyes.
  const begin = useMemo(() => (last === 'own' ? iso(Date.parse(from)) : period(last, live.serverNow())), [last, from]);
  const end = last === 'own' ? iso(Date.parse(to)) : '';
  const common = { match, from: begin, to: end };
  const kinds = useAsked<{ streams: Summary[] }>('dead', common, EVERY);
  const all = kinds.value ? rows(kinds.value.streams) : null;
  const parts = byGroup(all ?? []), together = by === 'group';
  const held = kinds.value?.streams.reduce((n, s) => n + s.letters, 0) ?? 0;
  const at = kinds.value ? streamOf(kinds.value.streams, stream) : stream;
  const audit = useAsked<{ entries: Audit[] }>('dead/audit', { limit: 100 }, EVERY);
  const filtered = Boolean(match || begin || end || group || reason);

  useEffect(() => setSpec(match), [match]);
  const badSpec = kinds.problem?.parameter === 'match' ? kinds.problem : null;
  const missing = kinds.problem?.status === 404 ? kinds.problem : null;
  const groups = [...new Set([...(all ?? []).map((k) => k.group), ...(group ? [group] : [])])];
  const several = (kinds.value?.streams.length ?? 0) > 1;
  const pickGroup = (p: Part) => setParams({ group: p.group === group && p.stream === at ? null : p.group, reason: null, stream: several ? p.stream : null });
  const pick = (k: Row) => setParams(k.fingerprint === reason && k.group === group ? { reason: null, group: null } : { reason: k.fingerprint, group: k.group, stream: several ? k.stream : null });
  const selected = (all ?? []).filter((k) => k.stream === at && (!group || k.group === group) && (!reason || k.fingerprint === reason));
  const letters = selected.reduce((n, k) => n + k.letters, 0);
  const filter: Record<string, string> = Object.fromEntries(Object.entries({ stream: at, group, reason, ...common }).filter(([, v]) => v !== ''));
  const words = `${reason ? selected[0]?.pattern ?? reason : 'all reasons'}${group ? `, group ${group}` : ', all groups'}, stream ${at}${match ? `, ${match}` : ''}${begin ? `, from ${begin}` : ''}${end ? `, before ${end}` : ''}`;
  const [turn, setTurn] = useState(0);
  const again = () => {
    kinds.again();
    audit.again();
    setTurn((n) => n + 1);
    void askDead();
  };
  const later = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(later.current), []);
  const done = (changed: boolean) => {
    setOrder(null);
    if (!changed) return;
    again();
    later.current = setTimeout(again, REPLAYED); // what was asked for is delivered meanwhile
  };
  const input = useRef<HTMLInputElement>(null);
  useKey('r', 'Ask again', again);
  useKey('/', 'Match spec', () => input.current?.focus());
  useKey('y', 'Copy the link', () => void copy(location.href));

  return (
    <Page title="Dead letters" noPause pills={kinds.value && <Pill tone={held > 0 ? 'err' : 'ok'}>{plural(held, 'letter')} {filtered ? 'found' : 'held'}</Pill>}
      controls={<button class="btn" onClick={again}>Refresh<kbd aria-hidden="true">r</kbd></button>}>
      <form class="card deadfilter" aria-label="Filter" onSubmit={(e) => { e.preventDefault(); setParams({ q: spec.trim() }); }}>
        {several && <label>Stream <select class="field" value={at} onChange={(e) => setParams({ stream: e.currentTarget.value, group: null, reason: null })}>{kinds.value!.streams.map((s) => <option key={s.stream} value={s.stream}>{s.stream} ({count(s.letters)})</option>)}</select></label>}
        <label>Group <select class="field" value={group} onChange={(e) => setParams({ group: e.currentTarget.value, reason: null })}><option value="">all</option>{groups.map((g) => <option key={g}>{g}</option>)}</select></label>
        <label>First refused <select class="field" value={last} onChange={(e) => setParams({ last: e.currentTarget.value, ...(e.currentTarget.value === 'own' ? {} : { from: null, to: null }) })}>{periods.map(([v, text]) => <option key={v} value={v}>{text}</option>)}</select></label>
        {last === 'own' && <>
          <label>From ({zoneName(Date.parse(from) || server)}) <input class="field" type="datetime-local" step={1} value={written(Date.parse(from))} onChange={(e) => setParams({ from: iso(meant(e.currentTarget.value)) })} /></label>
          <label>Before ({zoneName(Date.parse(to) || server)}) <input class="field" type="datetime-local" step={1} value={written(Date.parse(to))} onChange={(e) => setParams({ to: iso(meant(e.currentTarget.value)) })} /></label>
        </>}
        <label class="grow">Match spec <input ref={input} class="field mono" value={spec} onInput={(e) => setSpec(e.currentTarget.value)} placeholder="all records; such as Hostname == 'web-07'" spellcheck={false} autocomplete="off" aria-invalid={Boolean(badSpec)} /></label>
        <button class="btn pri">Apply</button>
        {filtered && <button type="button" class="btn" onClick={() => setParams({ group: null, reason: null, q: null, last: null, from: null, to: null })}>Clear</button>}
        {badSpec && <ProblemNote problem={new Problem({ title: 'Match spec', detail: badSpec.detail.split('\n')[0]!, ...(badSpec.expected ? { expected: badSpec.expected } : {}) })} />}
      </form>

      <Panel title={together ? 'By group' : 'By reason'} unit={together ? 'all that one far end refused' : 'letters of one group that were refused alike'} class="deadpanel" at={kinds.at} every={EVERY}
        problem={badSpec || missing ? null : kinds.value ? null : kinds.problem} retry={kinds.again}
        actions={(parts.length > 1 || together) && <Seg label="Group by" options={groupings} value={together ? 'group' : 'reason'} onChange={setBy} />}
        empty={missing ? <Empty title="No dead letters are kept yet"><p>{missing.detail}. The first subscriber of a stream makes room for them.</p></Empty>
          : badSpec ? <Empty title="The match spec has a mistake" />
          : all?.length === 0 ? <None filtered={filtered} at={kinds.at} audit={audit.value?.entries ?? []} /> : null}>
        {kinds.problem && kinds.value && <ProblemNote problem={kinds.problem} retry={kinds.again} />}
        {all && together && <Table caption="Dead letters by group" rows={parts} id={(p) => `${p.stream} ${p.group}`} current={group ? `${at} ${group}` : ''} columns={[
          { key: 'group', title: 'Group', class: 'reason', cell: (p) => <button class="pick" aria-pressed={p.group === group && p.stream === at} onClick={() => pickGroup(p)}>{p.group}</button>, sort: (p) => p.group },
          { key: 'output', title: 'Output', class: 'narrow', cell: (p) => p.sink, sort: (p) => p.sink },
          { key: 'reasons', title: 'Reasons', num: true, cell: (p) => count(p.reasons), sort: (p) => p.reasons },
          { key: 'letters', title: 'Letters', num: true, cell: (p) => <b>{count(p.letters)}</b>, sort: (p) => p.letters },
          { key: 'bytes', title: 'Size', num: true, class: 'narrow', cell: (p) => bytes(p.bytes), sort: (p) => p.bytes },
          { key: 'tries', title: 'Tries', hint: 'the most of one letter', num: true, class: 'narrow', cell: (p) => count(p.attempts), sort: (p) => p.attempts },
          { key: 'first', title: 'First', class: 'narrow', cell: (p) => <Age at={p.first} now={server} />, sort: (p) => p.first },
          { key: 'last', title: 'Last', cell: (p) => <Age at={p.last} now={server} />, sort: (p) => p.last },
        ]} />}
        {all && !together && <Table caption="Dead letters by reason" rows={all} id={(k) => `${k.stream} ${k.group} ${k.fingerprint}`} current={reason ? `${at} ${group} ${reason}` : ''} columns={[
          { key: 'reason', title: 'Reason', class: 'reason', cell: (k) => <button class="pick" aria-pressed={k.fingerprint === reason && k.group === group} title={visible(reasonWords(k.error_type, k.example))} onClick={() => pick(k)}><span class="code">{k.status || '–'}</span> {visible(reasonWords(k.error_type, k.pattern))}</button> },
          { key: 'group', title: 'Group', class: 'narrow', cell: (k) => k.group, sort: (k) => k.group },
          { key: 'output', title: 'Output', class: 'narrow', cell: (k) => k.sink, sort: (k) => k.sink },
          { key: 'letters', title: 'Letters', num: true, cell: (k) => <b>{count(k.letters)}</b>, sort: (k) => k.letters },
          { key: 'bytes', title: 'Size', num: true, class: 'narrow', cell: (k) => bytes(k.bytes), sort: (k) => k.bytes },
          { key: 'tries', title: 'Tries', hint: 'the most of one letter', num: true, class: 'narrow', cell: (k) => count(k.attempts), sort: (k) => k.attempts },
          { key: 'first', title: 'First', class: 'narrow', cell: (k) => <Age at={parse(k.first)} now={server} />, sort: (k) => parse(k.first) },
          { key: 'last', title: 'Last', cell: (k) => <Age at={parse(k.last)} now={server} />, sort: (k) => parse(k.last) },
        ]} />}
        {kinds.value?.streams.some((s) => s.others > 0) && <p class="none">And {count(kinds.value.streams.reduce((n, s) => n + s.others, 0))} letters of further reasons.</p>}
      </Panel>

      {all && all.length > 0 && (
        <Panel title="Letters" unit={`oldest first · ${plural(letters, 'letter')} of ${at}${reason ? ', one reason' : ''}`} class="deadpanel">
          <Letters key={JSON.stringify(filter)} turn={turn} filter={filter} stream={at} total={letters} what={words} why={why} server={server} onOrder={setOrder} />
        </Panel>
      )}

      <Changes audit={audit} every={EVERY} server={server} />
      {order && <Change order={order} onClose={done} />}
    </Page>
  );
}

// None says since when, as far as anybody knows.
function None({ filtered, at, audit }: { filtered: boolean; at: number | null; audit: readonly Audit[] }) {
  if (filtered) return <Empty title="No dead letter matches"><button class="btn" onClick={() => setParams({ group: null, reason: null, q: null, last: null, from: null, to: null })}>Show all</button></Empty>;
  let newest = -1;
  for (const s of live.series.of('DeadLettered')) {
    const now = Math.floor(live.serverNow() / 1000);
    for (let t = now; t > now - 3600 && t > newest; t--) if ((s.at(t) ?? 0) > 0) newest = t;
  }
  const [change] = runs(audit);
  return (
    <Empty title="Nothing is dead-lettered">
      <p class="t2">{at !== null && <>As of {clock(at)}. </>}{newest > 0 ? `The last record was refused at ${clock(newest * 1000)}.` : 'No record was refused within the last hour that this page knows of.'}{change && ` The last ${change.action} was at ${moment(parse(change.time) ?? NaN, live.now())}.`}</p>
    </Empty>
  );
}

// iso is how the API and links have a moment: with its zone, so that a link means the same to everybody.
const iso = (ms: number): string => (Number.isFinite(ms) ? new Date(ms).toISOString() : '');
