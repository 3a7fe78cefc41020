import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, Problem } from '../../core/api';
import { save } from '../../core/file';
import { bytes, count, plural } from '../../core/format';
import { useKey } from '../../core/keys';
import { inLine } from '../../core/record';
import { visible } from '../../core/text';
import { parse } from '../../core/time';
import { useAsked } from '../../ui/asked';
import { Icon } from '../../ui/icons';
import { copy, ProblemNote, Time } from '../../ui/parts';
import { Table } from '../../ui/Table';
import type { Order } from './Change';
import { LetterView } from './LetterView';
import { chosen, MOST_CHOSEN, reasonWords, type Letter, type Page } from './model';

const PAGE = 100;

interface Props {
  turn: number; // another one: ask again
  filter: Record<string, string>;
  stream: string;
  total: number; // letters that the filter selects
  what: string; // the filter in words
  why: string | null; // why nothing can be changed
  server: number; // unix ms
  onOrder: (o: Order) => void;
}

// Letters are pages of them, one below the other. What is done is done to all that
// the filter selects, or to those that are chosen by hand.
export function Letters({ turn, filter, stream, total, what, why, server, onOrder }: Props) {
  const first = useAsked<Page>('dead/entries', { ...filter, limit: PAGE });
  const [more, setMore] = useState<Page[]>([]);
  const [state, setState] = useState<'' | 'loading' | Problem>('');
  const [open, setOpen] = useState(''), [current, setCurrent] = useState(''); // subjects
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    if (turn === 0) return;
    setMore([]);
    first.again();
  }, [turn]);
  const pages = first.value ? [first.value, ...more] : [];
  const list = pages.flatMap((p) => p.entries), next = pages.at(-1)?.next;
  const load = async () => {
    setState('loading');
    try {
      const page = await get<Page>('dead/entries', { ...filter, limit: PAGE, after: next });
      setMore((m) => [...m, page]);
      setState('');
    } catch (e) {
      if (!(e instanceof Problem)) throw e;
      setState(e);
    }
  };
  const toggle = (subject: string) => {
    setCurrent(subject);
    setOpen(subject === open ? '' : subject);
  };
  const move = (by: 1 | -1) => {
    const at = list.findIndex((l) => l.subject === current), to = list[Math.max(0, Math.min(list.length - 1, at < 0 ? 0 : at + by))];
    if (!to) return;
    setCurrent(to.subject);
    if (open) setOpen(to.subject);
    document.getElementById(`letter ${to.subject}`)?.scrollIntoView({ block: 'nearest' });
  };
  useKey('j', 'Next letter', () => move(1));
  useKey('k', 'Previous letter', () => move(-1));
  const flip = () => (current || list[0]) && toggle(current || list[0]!.subject);
  useKey('Enter', 'Open or close the letter', flip);
  useKey('o', 'Open or close the letter', flip);
  useKey('Escape', 'Close, or leave a field', () => {
    const field = document.activeElement as HTMLElement | null;
    if (field?.matches('input, select')) field.blur();
    else setOpen('');
  });
  useKey('c', 'Copy the letter', () => {
    const letter = list.find((l) => l.subject === current);
    if (letter) void copy(JSON.stringify(letter, null, 2));
  });

  if (first.problem) return <ProblemNote problem={first.problem} retry={first.again} />;
  if (!first.value) return <div class="skeleton"><span class="vh">Loading</span></div>;
  if (list.length === 0) return <p class="none">No letter is left of these.</p>;
  const mark = (subjects: readonly string[], on: boolean) => setMarked((m) => chosen(m, subjects, on));
  const here = list.filter((l) => marked.has(l.subject)), all = here.length === list.length;
  const order = (action: Order['action'], of: readonly Letter[]): Order => ({
    action, filter: { stream, subjects: of.map((l) => l.subject) },
    what: of.length === 1 ? `the letter at ${of[0]!.position} of ${stream}, group ${of[0]!.group}` : `${plural(of.length, 'chosen letter')} of ${stream}`,
  });
  const act = (action: Order['action']) => onOrder(here.length > 0 ? order(action, here) : { action, filter, what });
  const n = `${count(here.length || total)}${here.length > 0 ? ' chosen' : ''} …`;
  const below = (l: Letter): ComponentChildren => l.subject === open && (
    <>
      <LetterView stream={stream} letter={l} />
      <div class="letteracts">
        <button class="btn sm" disabled={why !== null} title={why ?? undefined} onClick={() => onOrder(order('replay', [l]))}>Replay this one …</button>
        <button class="btn sm danger" disabled={why !== null} title={why ?? undefined} onClick={() => onOrder(order('drop', [l]))}>Drop this one …</button>
      </div>
    </>
  );
  return (
    <>
      <div class="deadacts">
        <button class="btn" disabled={why !== null} title={why ?? undefined} onClick={() => act('replay')}>Replay {n}</button>
        <button class="btn danger" disabled={why !== null} title={why ?? undefined} onClick={() => act('drop')}>Drop {n}</button>
        <Export stream={stream} letters={here.length > 0 ? here : list} />
        {here.length > 0 && <button class="btn" onClick={() => setMarked(new Set())}>Choose none</button>}
        {why ? <p><Icon name="info" size={13} /> {why}</p> : here.length > 0 ? <p role="status">{plural(here.length, 'letter')} chosen</p> : <p>All that are selected above, or tick some. Both count first and ask before they change anything.</p>}
      </div>
      <Table caption="Dead letters" rows={list} id={(l) => l.subject} rowId={(l) => `letter ${l.subject}`} current={current || open} after={below} columns={[
        {
          key: 'chosen', title: <input type="checkbox" aria-label={`Choose all ${list.length} shown`} checked={all} ref={(el) => { if (el) el.indeterminate = here.length > 0 && !all; }} disabled={!all && list.length > MOST_CHOSEN} onChange={(e) => mark(list.map((l) => l.subject), e.currentTarget.checked)} />,
          cell: (l) => <input type="checkbox" aria-label={`Choose the letter at ${l.position}`} checked={marked.has(l.subject)} disabled={!marked.has(l.subject) && here.length >= MOST_CHOSEN} onChange={(e) => mark([l.subject], e.currentTarget.checked)} />,
        },
        { key: 'position', title: 'Position', cell: (l) => <><button class="tw" aria-expanded={l.subject === open} aria-label={`${l.subject === open ? 'Close' : 'Open'} the letter at ${l.position}`} onClick={() => toggle(l.subject)}>{l.subject === open ? '▾' : '▸'}</button> <span class="mono">{l.position}</span></> },
        { key: 'first', title: 'First refused', cell: (l) => <Time at={parse(l.first)} now={server} /> },
        { key: 'group', title: 'Group', class: 'narrow', cell: (l) => l.group },
        { key: 'tries', title: 'Tries', num: true, class: 'narrow', cell: (l) => count(l.attempts) },
        { key: 'bytes', title: 'Size', num: true, class: 'narrow', cell: (l) => bytes(l.bytes) },
        { key: 'reason', title: 'Reason', class: 'reason mono', cell: (l) => <span title={visible(l.reason)}><span class="code">{l.status || '–'}</span> {visible(reasonWords(l.error_type, l.reason))}</span> },
        { key: 'host', title: 'Hostname', class: 'host narrow', cell: (l) => <span title={visible(l.hostname ?? '')}>{visible(l.hostname ?? '–')}</span> },
        { key: 'payload', title: 'Payload', class: 'payload mono narrow', cell: (l) => (l.payload ? <span title={visible(l.payload)}>{inLine(l.payload)}</span> : <span class="t3">{l.hostname ? 'none' : 'does not decode'}</span>) },
      ]} />
      <div class="deadmore">
        <span class="t2">{plural(list.length, 'letter')} shown</span>
        {next ? <button class="btn" disabled={state === 'loading'} onClick={() => void load()}>{state === 'loading' ? 'Loading …' : `${PAGE} more`}</button> : <span class="t3">that is all</span>}
      </div>
      {state instanceof Problem && <ProblemNote problem={state} retry={() => void load()} />}
    </>
  );
}

// Export saves letters with their records and bytes, a line of JSON each.
function Export({ stream, letters }: { stream: string; letters: readonly Letter[] }) {
  const [read, setRead] = useState<number | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const running = useRef<AbortController | null>(null);
  const run = async () => {
    const stop = running.current = new AbortController();
    const lines: string[] = [];
    setProblem(null);
    try {
      for (const [i, l] of letters.entries()) {
        setRead(i);
        const page = await get<Page>('dead/entry', { stream, which: l.subject }, stop.signal);
        for (const entry of page.entries) lines.push(JSON.stringify(entry));
      }
      save(`dead-letters-${stream}.ndjson`, 'application/x-ndjson', lines.map((text) => text + '\n').join(''));
    } catch (e) {
      if (e instanceof Problem) setProblem(e);
    }
    setRead(null);
  };
  if (read !== null) return <button class="btn" onClick={() => running.current?.abort()}>Stop · {count(read)} of {count(letters.length)} read</button>;
  return (
    <>
      <button class="btn" onClick={() => void run()}><Icon name="download" size={13} />Export {count(letters.length)}</button>
      {problem && <ProblemNote problem={problem} retry={() => void run()} />}
    </>
  );
}
