import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { count, plural, short } from '../../core/format';
import { useKey } from '../../core/keys';
import { live } from '../../core/live';
import { change, settings } from '../../core/settings';
import { useStore } from '../../core/store';
import { paused, useTick } from '../../core/tick';
import { clockMillis, exact } from '../../core/time';
import { href, setParams, useParam } from '../../core/url';
import { Icon } from '../../ui/icons';
import { Empty, Pill } from '../../ui/parts';
import { Page } from '../../ui/Shell';
import { VirtualRows } from '../../ui/VirtualRows';
import { Detail } from './Detail';
import { Feed } from './feed';
import type { Line } from './ring';
import { parts, show, visible, where } from './show';
import './tail.css';

const ROW = 21, CHECK = 300;
type Hold = { by: 'button' | 'scroll'; lines: Line[]; added: number };

export default function Tail() {
  const [q] = useParam('q'), [text] = useParam('text'), [wrapping, setWrapping] = useParam('wrap');
  const { rows: size } = useStore(settings);
  const link = useStore(live.link);
  const feed = useMemo(() => new Feed((...a) => live.tail(...a), { now: live.now, after: (ms, f) => { const id = setTimeout(f, ms); return () => clearTimeout(id); }, hidden: () => document.hidden }, settings.get().rows), []);
  const version = useStore(feed.changed);
  const { now } = useTick();
  const [hold, setHold] = useState<Hold | null>(null);
  const [open, setOpen] = useState(0); // id of a line
  const [spec, setSpec] = useState(q), [words, setWords] = useState(text);
  const first = useRef<HTMLInputElement>(null);

  const held = useRef(hold);
  held.current = hold;
  const stop = (by: Hold['by']) => setHold((h) => (h ? { ...h, by: by === 'button' ? by : h.by } : { by, lines: feed.ring.lines(), added: feed.ring.added }));
  const follow = () => { setHold(null); setOpen(0); };
  const flip = () => (held.current ? follow() : stop('button'));

  useEffect(() => {
    // Here pausing is for the list alone: its counters go on.
    if (paused.get()) stop('button');
    paused.set(false);
    return () => feed.stop();
  }, []);
  useEffect(() => {
    setSpec(q);
    setWords(text);
    feed.ask({ q, text });
  }, [q, text]); // also by Back
  useEffect(() => {
    if (spec.trim() === q && words.trim() === text) return;
    const timer = setTimeout(() => setParams({ q: spec.trim(), text: words.trim() }), CHECK);
    return () => clearTimeout(timer);
  }, [spec, words]);
  useEffect(() => feed.ring.resize(size), [size]);
  useKey('Space', 'Pause or resume', flip);
  useKey('End', 'Jump to the newest', follow);
  useKey('/', 'Match spec', () => first.current?.focus());
  useKey('w', 'Wrap long rows', () => setWrapping(wrapping ? null : '1'));

  const box = useRef<HTMLDivElement>(null);
  const width = useTextWidth(box);
  const lines = useMemo(() => hold?.lines ?? feed.ring.lines(), [hold, version, size]);
  const list = useMemo(() => parts(lines, wrapping ? width : 0), [lines, wrapping, width]);
  const opened = open ? list.findIndex((p) => p.last && lines[p.line]!.id === open) : -1;
  const openLine = opened < 0 ? undefined : lines[list[opened]!.line];
  const toggle = (id: number) => {
    stop('scroll'); // what is read must not move away
    setOpen(open === id ? 0 : id);
  };
  const scrolled = (atEnd: boolean) => {
    if (!atEnd && !held.current) stop('scroll');
    else if (atEnd && held.current?.by === 'scroll' && !open) setHold(null);
  };
  const fresh = hold ? feed.ring.added - hold.added : 0;
  const rates = feed.meter.over(now, 5);
  const state = link.kind !== 'live' ? <Pill tone="err">Not connected: nothing arrives</Pill>
    : hold ? <Pill tone="warn">{hold.by === 'button' ? 'Paused' : 'Paused by scrolling'}</Pill> : <Pill tone="ok">Following</Pill>;

  return (
    <Page title="Live tail" noPause class="tail" controls={
      <>
        <button class={`btn ${hold ? 'on' : ''}`} aria-pressed={Boolean(hold)} onClick={flip}><Icon name={hold ? 'play' : 'pause'} size={13} />{hold ? 'Resume' : 'Pause'}<kbd aria-hidden="true">space</kbd></button>
        <a class="btn" href={href('search', { q: feed.running?.q ?? q, text: feed.running?.text ?? text })}><Icon name="search" size={13} />Open in Search</a>
      </>
    }>
      <form class="card tailform" onSubmit={(e) => { e.preventDefault(); setParams({ q: spec.trim(), text: words.trim() }); }}>
        <div class="tailfields">
          <label class="grow">Match spec
            <input ref={first} class="field mono" value={spec} onInput={(e) => setSpec(e.currentTarget.value)} placeholder="all records; such as Severity <= 4 && Hostname =~ /^web-/" spellcheck={false} autocomplete="off" autocapitalize="off" aria-invalid={feed.refusal?.title === 'match spec'} aria-describedby="tail-check" maxLength={2048} />
          </label>
          <label>Words
            <input class="field" value={words} onInput={(e) => setWords(e.currentTarget.value)} placeholder="all of these words" autocomplete="off" aria-invalid={feed.refusal?.title === 'words'} maxLength={1000} />
          </label>
        </div>
        <Check feed={feed} pending={spec.trim() !== q || words.trim() !== text} />
      </form>
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
          <VirtualRows count={list.length} height={ROW} label="Records, the newest last" columns={5} follow={!hold} onScroll={scrolled} open={opened}
            head={<div class="tr th"><span role="columnheader">Time</span><span role="columnheader">Severity</span><span role="columnheader" class="wide">Hostname</span><span role="columnheader" class="wide">Logger</span><span role="columnheader">Payload</span></div>}
            rowKey={(i) => `${lines[list[i]!.line]!.id}.${list[i]!.first ? '' : i}`}
            rowClass={(i) => rowClass(lines[list[i]!.line]!, open)}
            row={(i) => {
              const part = list[i]!, line = lines[part.line]!;
              return line.kind === 'row' ? <Record line={line} text={wrapping ? part.text : null} first={part.first} open={open === line.id} onOpen={() => toggle(line.id)} /> : <Between line={line} />;
            }}
            detail={openLine?.kind === 'row' ? <Detail row={openLine.row} /> : undefined} />
          {list.length === 0 && <Nothing seen={rates.counts.seen} filtered={Boolean(feed.running?.q || feed.running?.text)} connected={link.kind === 'live'} />}
          {hold && <button class="btn pri tailnew" onClick={follow}>↓ {count(fresh)} new · End</button>}
        </div>
      </section>
      <Summary feed={feed} />
    </Page>
  );
}

const rowClass = (line: Line, open: number): string => (line.kind !== 'row' ? 'between' : `${show(line.row.doc).tone} ${line.id === open ? 'open' : ''}`);

function Record({ line, text, first, open, onOpen }: { line: Line & { kind: 'row' }; text: string | null; first: boolean; open: boolean; onOpen: () => void }) {
  const { row } = line, s = show(row.doc);
  if (!first) return <div class="tr" onClick={onOpen}><span role="cell" class="more" /><span role="cell" class="msg">{text}</span></div>;
  return (
    <div class="tr" onClick={onOpen}>
      <span role="cell" title={exact(row.at)}><button class="tw" aria-expanded={open} aria-label={`${open ? 'Close' : 'Open'} the record of ${clockMillis(row.at)}`} onClick={(e) => { e.stopPropagation(); onOpen(); }}>{open ? '▾' : '▸'}</button>{clockMillis(row.at)}</span>
      <span role="cell" class="sev">{s.severity}</span>
      <span role="cell" class="wide cut" title={s.host}>{s.host}</span>
      <span role="cell" class="wide cut" title={s.logger}>{s.logger}</span>
      <span role="cell" class="msg cut">{text ?? visible(s.text)}{row.cut && <i class="t3"> … cut</i>}</span>
    </div>
  );
}

// Between says what is not in the list, in its place.
function Between({ line }: { line: Line }) {
  if (line.kind === 'skipped') {
    const seconds = Math.max(0.1, (line.to - line.from) / 1000).toFixed(1);
    return <span role="cell" class="gapline warn">{plural(line.n, 'record')} skipped in {seconds} s ({line.why === 'hidden' ? 'this tab was hidden' : 'more than 500 rows/s'})</span>;
  }
  if (line.kind === 'missed') return <span role="cell" class="gapline warn">{plural(line.blocks, 'block')} missed: the server could not read them in time</span>;
  return <span role="cell" class="gapline t2">{line.kind === 'note' ? visible(line.text) : ''}</span>;
}

function Check({ feed, pending }: { feed: Feed; pending: boolean }) {
  const bad = feed.refusal;
  if (!bad || pending) {
    return <p id="tail-check" class="tailcheck" role="status">{pending || !feed.checked ? <span class="t3">checking …</span> : <span class="ok">✓ {feed.running?.q ? 'valid' : 'all records'}</span>}</p>;
  }
  const [before, at, after] = where(bad.filter.q, bad.offset ?? 0);
  return (
    <div id="tail-check" class="tailcheck" role="status">
      {bad.offset !== undefined && <pre class="mono" aria-hidden="true">{before}<mark>{at || ' '}</mark>{after}</pre>}
      <p class="err">{bad.title}{bad.offset !== undefined && ` at ${bad.offset}`}: {bad.detail}{bad.expected && `; expected ${bad.expected}`}</p>
      {feed.running && <p class="t2">Still showing: <code>{feed.running.q || 'all records'}</code>{feed.running.text && <> with <code>{feed.running.text}</code></>}</p>}
    </div>
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

// useTextWidth is how many characters of a payload fit into the box.
function useTextWidth(box: { current: HTMLDivElement | null }): number {
  const [width, setWidth] = useState(80);
  useLayoutEffect(() => {
    const el = box.current!;
    const measure = () => {
      const canvas = document.createElement('canvas').getContext?.('2d');
      if (!canvas) return;
      const list = el.querySelector('.virtual')!, row = list.querySelector('.vspace .tr') ?? list, style = getComputedStyle(row);
      canvas.font = `${style.fontSize} ${style.fontFamily}`;
      const columns = innerWidth <= 760 ? 180 : 446; // px beside the payload, as in tail.css
      setWidth(Math.max(16, Math.floor((list.clientWidth - columns) / canvas.measureText('0').width)));
    };
    const watch = new ResizeObserver(measure);
    watch.observe(el);
    measure();
    return () => watch.disconnect();
  }, []);
  return width;
}
