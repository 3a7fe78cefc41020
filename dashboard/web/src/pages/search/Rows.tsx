import type { ComponentChildren } from 'preact';
import { cell, inLine, payload, severity, severityShort, severityTone, type Found } from '../../core/record';
import { settings } from '../../core/settings';
import { visible } from '../../core/text';
import { clockMillis, day, exact, zoneName } from '../../core/time';
import { VirtualRows } from '../../ui/VirtualRows';
import { marked } from './words';

export function Marked({ text, found }: { text: string; found: RegExp | null }) {
  return <>{marked(text, found).map((piece, i) => (i % 2 ? <mark key={i}>{piece}</mark> : piece))}</>;
}

const widths: Record<string, number> = { Hostname: 92, Logger: 128, Type: 120, Pid: 64, Uuid: 250 };

interface Props {
  records: Found[];
  columns: string[];
  wrap: boolean;
  found: RegExp | null;
  open: number;
  current: number;
  detail: ComponentChildren;
  onOpen: (i: number) => void;
  onScroll: (atEnd: boolean) => void;
}

// Rows are the matches, newest first, one line each (three when wrapped). While j and
// k go from row to row, Tab does not: there may be thousands before what follows.
export function Rows({ records, columns, wrap, found, open, current, detail, onOpen, onScroll }: Props) {
  const days = records.length > 0 && day(Date.parse(records[0]!.time)) !== day(Date.parse(records[records.length - 1]!.time));
  // On a narrow screen the payload stands before the columns, see search.css.
  const grid = { '--time': `${days ? 172 : 96}px`, '--columns': columns.map((c) => `${widths[c] ?? 128}px`).join(' ') };
  return (
    <VirtualRows
      class={`log ${wrap ? 'wrap' : ''}`}
      label="Matching records, newest first"
      count={records.length}
      height={wrap ? 58 : 22}
      columns={columns.length + 4}
      rowKey={(i) => `${records[i]!.id} ${records[i]!.index}`}
      rowClass={(i) => `${severityTone(severity(records[i]!.doc))} ${i === current ? 'sel' : ''}`}
      open={open}
      current={current}
      detail={detail}
      onScroll={onScroll}
      head={
        <div class="lr h" style={grid}>
          <span role="columnheader"><span class="vh">Open</span></span><span role="columnheader" aria-sort="descending">Time ({zoneName()}) ↓</span><span role="columnheader">Severity</span>
          {columns.map((c) => <span role="columnheader" key={c} class="co" title={visible(c)}>{visible(c)}</span>)}
          <span role="columnheader" class="pl">Payload</span>
        </div>
      }
      row={(i) => {
        const { doc, time, exact: sure } = records[i]!;
        const ms = Date.parse(time), level = severity(doc);
        return (
          <div class="lr" style={grid} onClick={() => getSelection()?.isCollapsed !== false && onOpen(i)}>
            <span role="cell" class="ch"><button tabIndex={i === open || i === current || !settings.get().shortcuts ? 0 : -1} aria-expanded={i === open} aria-label={`Record of ${clockMillis(ms)}`} onClick={(e) => { e.stopPropagation(); onOpen(i); }}>{i === open ? '▾' : '▸'}</button></span>
            <span role="cell" class="tm" title={exact(ms)}>{days ? `${day(ms)} ` : ''}{clockMillis(ms)}</span>
            <span role="cell" class="sv">{severityShort[level] ?? level}</span>
            {columns.map((c) => <span role="cell" key={c} class="co" title={visible(cell(doc, c))}>{inLine(cell(doc, c))}</span>)}
            <span role="cell" class="pl">{!sure && <span class="t3" title="The store does not hold all of the message: this may match">? </span>}<Marked text={inLine(payload(doc))} found={found} /></span>
          </div>
        );
      }}
    />
  );
}
