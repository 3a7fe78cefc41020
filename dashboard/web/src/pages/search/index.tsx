import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { address, get } from '../../core/api';
import { count, duration } from '../../core/format';
import { useKey } from '../../core/keys';
import { live } from '../../core/live';
import { inLine, type Found } from '../../core/record';
import { chipsOf, isRaw, specOf, textOf, toggle, withTerm, type Value } from '../../core/spec';
import { useStore } from '../../core/store';
import { go, href } from '../../core/url';
import { Dialog } from '../../ui/Dialog';
import { pressFocused } from '../../ui/Fields';
import { Icon } from '../../ui/icons';
import { copy, Copy, Empty, Pill, ProblemNote } from '../../ui/parts';
import { Page } from '../../ui/Shell';
import { Detail, type Tab } from './Detail';
import type { HistogramAnswer } from './bars';
import { Facets } from './Facets';
import { Histogram } from './Histogram';
import { ALL, change, fixedRange, rangeWords, spanOf, step, useQuery, type Query, type Span } from './query';
import { QueryBar } from './QueryBar';
import { asked, hits } from './words';
import { Rows } from './Rows';
import { MOST, params, useSearch, type Part, type Results } from './useSearch';
import './search.css';

const storeWords = { embedded: 'embedded store', elasticsearch: 'Elasticsearch', none: 'no store' } as const;

export default function Search() {
  const boot = useStore(live.boot);
  const none = boot?.store.kind === 'none';
  const query = useQuery();
  const chips = useMemo(() => chipsOf(query.q), [query.q]);
  const s = useSearch(query, boot !== null && !none);
  const { rows, facets, histogram } = s;
  const [exporting, setExporting] = useState(false);
  const [said, setSaid] = useState('');
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(''), 1500);
    return () => clearTimeout(timer);
  }, [said]);
  const tail = href('tail', { ...asked(query) });
  const copyLink = () => void copy(location.href).then((done) => setSaid(done ? 'Link copied' : 'Copying failed'));

  useKey('/', 'To the search box', () => input.current?.focus());
  useKey('r', 'Search again', s.again);
  useKey('l', 'Tail this query', () => go(tail));
  useKey('y', 'Copy the link', copyLink);
  useKey('[', 'Shorter time range', () => change({ range: step(query.range, -1) }));
  useKey(']', 'Longer time range', () => change({ range: step(query.range, 1) }));
  useKey('w', 'Wrap lines', () => change({ wrap: !query.wrap }));

  const span = rows.value?.span ?? null, total = totalOf(rows, histogram);
  return (
    <Page
      title="Search"
      noPause
      class="searching"
      pills={boot && <Pill tone="plain" title={boot.store.detail}>{storeWords[boot.store.kind]}</Pill>}
      controls={<>
        <button class="btn" onClick={copyLink}><Icon name="link" size={14} /><span aria-live="polite">{said || 'Copy link'}</span><kbd aria-hidden="true">y</kbd></button>
        <button class="btn" onClick={() => setExporting(true)} disabled={!rows.value}><Icon name="download" size={14} />Export</button>
        <a class="btn" href={tail}><Icon name="tail" size={14} />Tail this query<kbd aria-hidden="true">l</kbd></a>
      </>}
    >
      {none ? <NoStore /> : (
        <>
          <QueryBar query={query} chips={chips} span={span} problem={rows.problem} input={input} busy={s.slow} onRun={s.again} onStop={s.stopRows} />
          <div class={`res ${rows.problem?.status === 400 || s.slow ? 'before' : ''}`}>
            <Facets
              headers={facets} dynamic={s.dynamic} fields={query.fields} records={rows.value?.records ?? []} refused={rows.problem !== null} chips={chips}
              onCancel={s.stopFacets} onAgain={s.askFacets} onFields={(fields) => change({ fields })}
              onToggle={(field, value, on) => change({ q: specOf(toggle(chips ?? [], field, 'is', value, on)) })}
              onOnly={(field, values) => change({ q: specOf([...(chips ?? []).filter((c) => isRaw(c) || c.field !== field), ...(values.length ? [{ field, op: 'is' as const, values }] : [])]) })}
            />
            <div class="found">
              <Histogram answer={histogram.value} loading={histogram.loading} problem={rows.problem ? null : histogram.problem} total={totalWords(total)} onZoom={(a, b) => change({ range: fixedRange(a, b) })} onCancel={s.stopHistogram} />
              <Matches query={query} search={s} total={total} />
            </div>
          </div>
        </>
      )}
      <Dialog title="Export" open={exporting} onClose={() => setExporting(false)}>
        <p class="t2">{totalWords(total)}, the newest first. An export holds at most {count(MOST)} records; a last line says when there are more.</p>
        <div class="formats">{(['ndjson', 'csv'] as const).map((format) => <a key={format} class="btn" download href={rows.value ? address('export', { ...params(query, rows.value.span), format }) : undefined}><Icon name="download" size={14} />{format === 'csv' ? 'CSV, for spreadsheets' : 'NDJSON, a record a line'}</a>)}</div>
        <Copy text={() => (rows.value ? address('export', { ...params(query, rows.value.span), format: 'ndjson' }) : '')}>Copy the export's link</Copy>
      </Dialog>
    </Page>
  );
}

interface Total { n: number; exact: boolean }

// totalOf the matches: the pages read know a part of them, the histogram most often all.
function totalOf(rows: Part<Results>, histogram: Part<HistogramAnswer>): Total | null {
  const v = rows.value, h = histogram.loading ? null : histogram.value;
  if (!v?.last) return null;
  if (v.last.total_is === 'exact') return { n: v.last.total, exact: true };
  if (h?.total_is === 'exact' && !h.partial && h.counted >= v.records.length) return { n: h.counted, exact: true };
  return { n: Math.max(v.last.total, v.records.length, h?.counted ?? 0), exact: false };
}

const totalWords = (t: Total | null): string => (t ? `${t.exact ? '' : 'at least '}${count(t.n)} ${t.n === 1 ? 'match' : 'matches'}` : '– matches');

// Matches are the rows, the open one, and below them what is known of the answer.
function Matches({ query, search, total }: { query: Query; search: ReturnType<typeof useSearch>; total: Total | null }) {
  const { rows, more } = search;
  const v = rows.value, records = v?.records ?? [];
  const found = useMemo(() => hits(query), [query]);
  const [current, setCurrent] = useState(-1);
  const [tab, setTab] = useState<Tab>('fields');
  const open = query.row ? records.findIndex((r) => r.id === query.row) : -1;
  useEffect(() => setCurrent(open), [v?.first]);
  const show = (i: number) => {
    setCurrent(i);
    change({ row: i === open ? '' : records[i]?.id ?? '' });
  };
  const move = (by: number) => {
    const next = Math.max(0, Math.min(records.length - 1, current + by));
    setCurrent(next);
    if (open >= 0 && records[next]) change({ row: records[next].id });
    if (next > records.length - 20) more();
  };
  const filter = (field: string, value: Value, op: 'is' | 'not') => change({ q: withTerm(query.q, { field, op, values: [value] }) });
  const column = (name: string) => name !== 'Payload' && change({ columns: query.columns.includes(name) ? query.columns.filter((c) => c !== name) : [...query.columns, name] });
  useKey('j', 'Next row', () => move(1));
  useKey('k', 'Previous row', () => move(-1));
  const flip = () => records.length > 0 && show(Math.max(0, current));
  useKey('Enter', 'Open or close the row', flip);
  useKey('o', 'Open or close the row', flip);
  useKey('x', 'Context of the row, ±20', () => {
    setTab(tab === 'context' && open >= 0 ? 'fields' : 'context');
    if (open < 0 && records.length) show(Math.max(0, current));
  });
  useKey('c', 'Copy the row', () => records[Math.max(0, current)] && void copy(JSON.stringify(records[Math.max(0, current)]!.doc, null, 2)));
  useKey('+', 'Filter for the focused field', () => pressFocused('is'));
  useKey('-', 'Filter out the focused field', () => pressFocused('not'));
  useKey('End', 'To the newest row', () => setCurrent(0));
  useKey('Escape', 'Close, clear, or leave a field', () => {
    const field = document.activeElement as HTMLElement | null;
    if (field?.matches('input, select')) field.blur();
    else if (open >= 0) change({ row: '' });
  });

  const problem = rows.problem && !rows.problem.parameter?.match(/^(q|text)$/) ? rows.problem : null;
  const last = v?.last;
  const full = records.length >= MOST && last?.next;
  const gone = query.row !== '' && v !== null && open < 0 && !rows.loading;
  const [linked, setLinked] = useState<Found | null>(null);
  useEffect(() => {
    setLinked(null);
    if (!gone) return;
    const stop = new AbortController();
    get<{ record: Found | null }>('message', { id: query.row }, stop.signal).then((a) => setLinked(a.record), () => undefined); // the note says enough
    return () => stop.abort();
  }, [gone, query.row]);
  return (
    <section class="card matches" aria-label="Matching records" aria-busy={rows.loading}>
      {problem && <ProblemNote problem={problem} retry={search.again} />}
      {rows.problem && v && <div class="note warn">The rows below answer the question before this one.</div>}
      {gone && <div class="note"><div>The record of this link is not among {records.length ? `the first ${count(records.length)} rows` : 'these'}{linked ? ':' : '.'}</div><span class="sp" /><button class="btn sm" onClick={() => change({ row: '' })}>Close</button></div>}
      {gone && linked && <div class="linked"><Detail record={linked} tab={tab} setTab={setTab} found={found} columns={query.columns} filter={filter} column={column} /></div>}
      {records.length > 0 ? (
        <Rows
          records={records} columns={query.columns} wrap={query.wrap} found={found} open={open} current={current} onOpen={show} onScroll={(atEnd) => atEnd && !last?.partial && more()}
          detail={open >= 0 ? <Detail key={records[open]!.id} record={records[open]!} tab={tab} setTab={setTab} found={found} columns={query.columns} filter={filter} column={column} /> : undefined}
        />
      ) : v && !rows.loading && !rows.problem ? <NoResults query={query} span={v.span} partial={last!.partial} examined={last!.examined} /> : !v && !rows.problem ? <div class="skeleton"><span class="vh">Searching</span></div> : null}
      <footer class="sbarline">
        {search.slow && <span>searching… <button class="link" onClick={search.stopRows}>Stop</button></span>}
        {v && last && <><span><b>{totalWords(total)}</b>{total && records.length < total.n && <> · {count(records.length)} loaded</>}</span><span title="Time the server took, of all pages read">{v.took < 1 ? '< 1 ms' : duration(v.took / 1000)}</span><span>{last.store}</span></>}
        {full ? <span class="warn">first {count(MOST)} of {total?.exact ? '' : 'at least '}{count(total?.n)}: narrow the range</span>
          : last?.partial && last.next ? <span class="warn">partial: stopped after looking at {count(last.examined)} records <button class="link" disabled={rows.loading} onClick={more}>{rows.loading ? 'Going on…' : 'Continue'}</button></span>
            : last?.next ? <span class="t3">{rows.loading ? 'loading…' : 'older rows load as you scroll'}</span>
              : last?.partial ? <span class="warn">partial: there may be more</span> : null}
        {last && !last.exact && <span class="warn" title="Marked with ? in the rows">some may not match</span>}
        <span class="sp" />
        <span class="acts">
          <button class="link plain" aria-pressed={query.wrap} onClick={() => change({ wrap: !query.wrap })}><kbd aria-hidden="true">w</kbd> wrap</button>
          <span class="hints" aria-hidden="true"><kbd>j</kbd> <kbd>k</kbd> move</span><span class="hints" aria-hidden="true"><kbd>↵</kbd> expand</span><span class="hints" aria-hidden="true"><kbd>x</kbd> context</span>
        </span>
      </footer>
    </section>
  );
}

interface WayOut { what: ComponentChildren; label: string; part: Partial<Query> }

// NoResults lists what is asked for, each with how many there would be without it.
function NoResults({ query, span, partial, examined }: { query: Query; span: Span; partial: boolean; examined: number }) {
  const ways = useMemo(() => {
    const chips = chipsOf(query.q), list: WayOut[] = [];
    if (query.text) list.push({ what: <>{query.regexp ? 'expression' : query.inside ? 'text' : 'words'} <b>{inLine(query.text)}</b></>, label: 'Remove', part: { text: '' } });
    if (query.text && query.matchCase) list.push({ what: null, label: 'Ignore case', part: { matchCase: false } });
    if (query.text && !query.inside && !query.regexp) list.push({ what: null, label: 'Also inside of words', part: { inside: true } });
    for (const c of chips ?? [{ raw: query.q }]) list.push({ what: <code>{inLine(textOf(c))}</code>, label: 'Remove', part: { q: chips ? specOf(chips.filter((other) => other !== c)) : '' } });
    const wider = query.range === ALL ? null : /-/.test(query.range) ? '24h' : step(query.range, 1);
    if (wider) list.push({ what: rangeWords(query.range), label: `Widen to ${rangeWords(wider).toLowerCase()}`, part: { range: wider } });
    if (wider && wider !== ALL) list.push({ what: null, label: 'All time', part: { range: ALL } });
    return list.slice(0, 8);
  }, [query.q, query.text, query.range, query.matchCase, query.inside, query.regexp]);
  const [counts, setCounts] = useState<Record<number, string>>({});
  useEffect(() => {
    const stop = new AbortController();
    setCounts({});
    void (async () => {
      for (const [i, way] of ways.entries()) { // one after the other: nobody waits for these
        const then = { ...query, ...way.part };
        const h = await get<HistogramAnswer>('histogram', { ...params(then, then.range === query.range ? span : spanOf(then.range, Math.floor(live.serverNow()))), buckets: 1 }, stop.signal);
        setCounts((c) => ({ ...c, [i]: `${h.partial || h.total_is === 'at_least' ? 'at least ' : ''}${count(h.counted)}` }));
      }
    })().catch(() => undefined); // without numbers, then
    return () => stop.abort();
  }, [ways]);
  return (
    <Empty title={partial ? `Nothing yet among the ${count(examined)} records looked at` : 'No record matches'}>
      <ul class="why">{ways.map((w, i) => <li key={i}>{w.what} <button class="btn sm" onClick={() => change(w.part)}>{w.label}{counts[i] !== undefined && <span class="t3">would show {counts[i]}</span>}</button></li>)}</ul>
    </Empty>
  );
}

function NoStore() {
  return (
    <section class="card"><Empty title="No search store is connected">
      <p>This dashboard can search an Elasticsearch or OpenSearch that <code>es_subscriber</code> fills: set <code>PROXY_REMOTE_URL</code> to its nodes, and <code>PROXY_REMOTE_INDEX</code> if its indices are not called lagermeister-*.</p>
      <p><code>local_relay</code> has a store inside and needs nothing. What comes in now can be watched in the <a href={href('tail')}>live tail</a>.</p>
    </Empty></section>
  );
}
