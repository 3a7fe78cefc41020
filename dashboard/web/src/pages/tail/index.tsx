import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { count, plural, short } from '../../core/format';
import { useKey } from '../../core/keys';
import { live } from '../../core/live';
import { change, settings } from '../../core/settings';
import { withTerm } from '../../core/spec';
import { useStore } from '../../core/store';
import { paused, useTick } from '../../core/tick';
import { go, href, setParams, useParam } from '../../core/url';
import { pressFocused, type FieldsProps } from '../../ui/Fields';
import { Icon } from '../../ui/icons';
import { copy, Empty, Pill } from '../../ui/parts';
import { Page } from '../../ui/Shell';
import { Detail } from './Detail';
import { Feed } from './feed';
import { Filter } from './Filter';
import { Lines, useTextWidth } from './Lines';
import type { Line } from './ring';
import { neighbour, parts } from './show';
import './tail.css';

type Hold = { by: 'button' | 'scroll'; lines: Line[]; added: number };

// What is stored now, as it comes. A list that is held stands still; its counters
// and the tail behind it go on.
export default function Tail() {
  const [q] = useParam('q'), [text] = useParam('text'), [wrapping, setWrapping] = useParam('wrap');
  const { rows: size } = useStore(settings);
  const link = useStore(live.link);
  const feed = useMemo(() => new Feed((...a) => live.tail(...a), { now: live.now, after: (ms, f) => { const id = setTimeout(f, ms); return () => clearTimeout(id); }, hidden: () => document.hidden }, settings.get().rows), []);
  const version = useStore(feed.changed);
  const { now } = useTick();
  const [hold, setHold] = useState<Hold | null>(null);
  const [open, setOpen] = useState(0), [current, setCurrent] = useState(0); // ids of lines
  const input = useRef<HTMLInputElement>(null), box = useRef<HTMLDivElement>(null);

  const held = useRef(hold);
  held.current = hold;
  const stop = (by: Hold['by']) => setHold((h) => (h ? { ...h, by: by === 'button' ? by : h.by } : { by, lines: feed.ring.lines(), added: feed.ring.added }));
  const follow = () => {
    setHold(null);
    setOpen(0);
    setCurrent(0);
  };
  const flip = () => (held.current ? follow() : stop('button'));

  useEffect(() => {
    // Here pausing is for the list alone: its counters go on.
    if (paused.get()) stop('button');
    paused.set(false);
    return () => feed.stop();
  }, []);
  useEffect(() => feed.ask({ q, text }), [q, text]);
  useEffect(() => feed.ring.resize(size), [size]);

  const width = useTextWidth(box);
  const lines = useMemo(() => hold?.lines ?? feed.ring.lines(), [hold, version, size]);
  const list = useMemo(() => parts(lines, wrapping ? width : 0), [lines, wrapping, width]);
  const rowOf = (id: number) => {
    const line = lines.find((l) => l.id === id);
    return line?.kind === 'row' ? line.row : undefined;
  };
  const opened = rowOf(open);
  const toggle = (id: number) => {
    stop('scroll'); // what is read must not move away
    setCurrent(id);
    setOpen(open === id ? 0 : id);
  };
  const move = (by: 1 | -1) => {
    const next = neighbour(lines, current, by);
    if (next === null) return;
    stop('scroll');
    setCurrent(next);
    if (open) setOpen(next);
  };
  const flipRow = () => {
    const id = current || neighbour(lines, 0, 1);
    if (id) toggle(id);
  };
  const scrolled = (atEnd: boolean) => {
    if (!atEnd && !held.current) stop('scroll');
    else if (atEnd && held.current?.by === 'scroll' && !open && !current) setHold(null);
  };
  const filter: FieldsProps['filter'] = (field, value, op) => setParams({ q: withTerm(q, { field, op, values: [value] }) }, false);
  const search = href('search', { q: feed.running?.q ?? q, text: feed.running?.text ?? text });
  useKey('Space', 'Pause or resume', flip);
  useKey('End', 'Jump to the newest', follow);
  useKey('/', 'Match spec', () => input.current?.focus());
  useKey('w', 'Wrap long rows', () => setWrapping(wrapping ? null : '1'));
  useKey('j', 'Next row', () => move(1));
  useKey('k', 'Previous row', () => move(-1));
  useKey('Enter', 'Open or close the row', flipRow);
  useKey('o', 'Open or close the row', flipRow);
  useKey('c', 'Copy the row', () => {
    const row = rowOf(current) ?? rowOf(neighbour(lines, 0, 1) ?? 0);
    if (row) void copy(JSON.stringify(row.doc, null, 2));
  });
  useKey('y', 'Copy the link', () => void copy(location.href));
  useKey('l', 'Search this query', () => go(search));
  useKey('+', 'Filter for the focused field', () => pressFocused('is'));
  useKey('-', 'Filter out the focused field', () => pressFocused('not'));
  useKey('Escape', 'Close, clear, or leave a field', () => {
    const field = document.activeElement as HTMLElement | null;
    if (field?.matches('input, select')) field.blur();
    else if (open) setOpen(0);
    else follow();
  });

  const fresh = hold ? feed.ring.added - hold.added : 0;
  const rates = feed.meter.over(now, 5);
  const state = link.kind !== 'live' ? <Pill tone="err">Not connected: nothing arrives</Pill>
    : hold ? <Pill tone="warn">{hold.by === 'button' ? 'Paused' : 'Paused to read'}</Pill> : <Pill tone="ok">Following</Pill>;
  return (
    <Page title="Live tail" noPause class="tail" controls={
      <>
        <button class={`btn ${hold ? 'on' : ''}`} aria-pressed={Boolean(hold)} onClick={flip}><Icon name={hold ? 'play' : 'pause'} size={13} />{hold ? 'Resume' : 'Pause'}<kbd aria-hidden="true">space</kbd></button>
        <a class="btn" href={search}><Icon name="search" size={13} />Open in Search<kbd aria-hidden="true">l</kbd></a>
      </>
    }>
      <Filter feed={feed} q={q} text={text} input={input} />
      <section class="card taillist" aria-label="Records">
        <header>
          {state}
          <span class="nw"><b>{short(rates.matched)}</b> of {short(rates.seen)} records/s match</span>
          <span class="t3 nw" title="of what matches, over the last five seconds; at most 500 rows a second are sent">shown {rates.shown === null ? '–' : rates.shown === 1 ? '100 %' : `${(Math.floor(rates.shown * 1000) / 10).toFixed(1)} %`}</span>
          <span class="sp" />
          <label class="nw">Keep <select class="field" value={String(size)} onChange={(e) => change({ rows: Number(e.currentTarget.value) })}>{[1000, 5000, 20000].map((n) => <option key={n} value={n}>{count(n)} rows</option>)}</select></label>
          <button class={`btn ${wrapping ? 'on' : ''}`} aria-pressed={Boolean(wrapping)} onClick={() => setWrapping(wrapping ? null : '1')}>Wrap<kbd aria-hidden="true">w</kbd></button>
          <button class="btn" onClick={() => { feed.ring.clear(); follow(); }}>Clear</button>
        </header>
        {feed.trouble && <div class="note err" role="alert"><Icon name="warn" /><div><b>{feed.trouble.title}</b> · {feed.trouble.detail} · tried again each second</div></div>}
        <div class="tailbox" ref={box} role="log" aria-live="off" aria-label="Records as they come, the newest last">
          <Lines lines={lines} parts={list} follow={!hold} open={open} current={current} detail={opened && <Detail row={opened} filter={filter} />} onOpen={toggle} onScroll={scrolled} />
          {list.length === 0 && <Nothing seen={rates.counts.seen} filtered={Boolean(feed.running?.q || feed.running?.text)} connected={link.kind === 'live'} />}
          {hold && <button class="btn pri tailnew" onClick={follow}>↓ {count(fresh)} new · End</button>}
        </div>
      </section>
      <Summary feed={feed} />
    </Page>
  );
}

function Nothing({ seen, filtered, connected }: { seen: number; filtered: boolean; connected: boolean }) {
  return (
    <div class="tailnothing">
      {!connected ? <Empty title="Not connected"><p>Records appear as soon as the connection is back.</p></Empty>
        : filtered && seen > 0 ? <Empty title="No record matches so far"><p>{plural(seen, 'record')} came in the last five seconds.</p></Empty>
        : <Empty title="Waiting for records"><p>What is stored from now on appears here. Older records are in Search.</p></Empty>}
    </div>
  );
}

// Summary is all that is read out, every ten seconds.
function Summary({ feed }: { feed: Feed }) {
  const [said, say] = useState('');
  useEffect(() => {
    const timer = setInterval(() => {
      const { counts } = feed.meter.over(live.now(), 10);
      say(`In 10 seconds ${plural(counts.seen, 'record')}, ${count(counts.matched)} match${counts.skipped > 0 ? `, ${count(counts.skipped)} skipped` : ''}.`);
    }, 10_000);
    return () => clearInterval(timer);
  }, []);
  return <p class="vh" aria-live="polite">{said}</p>;
}
