import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';
import { plural } from '../../core/format';
import { inLine } from '../../core/record';
import { settings } from '../../core/settings';
import { visible } from '../../core/text';
import { clockMillis, exact, zoneName } from '../../core/time';
import { VirtualRows } from '../../ui/VirtualRows';
import type { Line } from './ring';
import { show, type Part } from './show';

const ROW = 21; // px

interface Props {
  lines: readonly Line[];
  parts: readonly Part[]; // of the lines: what is drawn
  follow: boolean;
  open: number; // ids of lines, 0 for none
  current: number;
  detail: ComponentChildren; // below the open one
  onOpen: (id: number) => void;
  onScroll: (atEnd: boolean) => void;
}

// Lines are the records as they come, and between them what is not there. While j and
// k go from record to record, Tab does not.
export function Lines({ lines, parts, follow, open, current, detail, onOpen, onScroll }: Props) {
  const at = (id: number) => (id ? parts.findIndex((p) => p.last && lines[p.line]!.id === id) : -1);
  const rowClass = (line: Line): string => (line.kind !== 'row' ? 'between' : `${show(line.row.doc).tone} ${line.id === open ? 'open' : ''} ${line.id === current ? 'sel' : ''}`);
  return (
    <VirtualRows
      count={parts.length} height={ROW} label="Records, the newest last" columns={5} follow={follow} onScroll={onScroll} open={at(open)} current={at(current)}
      head={<div class="tr th"><span role="columnheader">Time ({zoneName()})</span><span role="columnheader">Severity</span><span role="columnheader" class="wide">Hostname</span><span role="columnheader" class="wide">Logger</span><span role="columnheader">Payload</span></div>}
      rowKey={(i) => `${lines[parts[i]!.line]!.id}.${parts[i]!.first ? '' : i}`}
      rowClass={(i) => rowClass(lines[parts[i]!.line]!)}
      row={(i) => {
        const part = parts[i]!, line = lines[part.line]!;
        return line.kind === 'row' ? <Record line={line} text={part.text} first={part.first} open={open === line.id} current={current === line.id} onOpen={() => onOpen(line.id)} /> : <Between line={line} />;
      }}
      detail={detail}
    />
  );
}

// text is one of the parts of a wrapped record; null: all of it, as far as it fits.
function Record({ line, text, first, open, current, onOpen }: { line: Line & { kind: 'row' }; text: string | null; first: boolean; open: boolean; current: boolean; onOpen: () => void }) {
  const { row } = line, s = show(row.doc);
  const click = () => getSelection()?.isCollapsed !== false && onOpen();
  if (!first) return <div class="tr" onClick={click}><span role="cell" class="more" /><span role="cell" class="msg">{text}</span></div>;
  return (
    <div class="tr" onClick={click}>
      <span role="cell" title={exact(row.at)}><button class="tw" tabIndex={open || current || !settings.get().shortcuts ? 0 : -1} aria-expanded={open} aria-label={`${open ? 'Close' : 'Open'} the record of ${clockMillis(row.at)}`} onClick={(e) => { e.stopPropagation(); onOpen(); }}>{open ? '▾' : '▸'}</button>{clockMillis(row.at)}</span>
      <span role="cell" class="sev">{s.severity}</span>
      <span role="cell" class="wide cut" title={s.host}>{s.host}</span>
      <span role="cell" class="wide cut" title={s.logger}>{s.logger}</span>
      <span role="cell" class="msg cut">{text ?? inLine(s.text)}{text === null && row.cut && <i class="t3"> … cut</i>}</span>
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

// useTextWidth is how many characters of a payload fit into the box.
export function useTextWidth(box: { current: HTMLDivElement | null }): number {
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
