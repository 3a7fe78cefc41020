import { useEffect, useState } from 'preact/hooks';
import { get, type Problem } from '../../core/api';
import { inLine, payload, severity, severityShort, severityTone, type Found } from '../../core/record';
import { visible } from '../../core/text';
import { canSay, type Value } from '../../core/spec';
import { clockMillis, exact } from '../../core/time';
import { Fields } from '../../ui/Fields';
import { Copy, ProblemNote } from '../../ui/parts';
import { Marked } from './Rows';

export type Tab = 'fields' | 'json' | 'context';

interface Props {
  record: Found;
  tab: Tab;
  setTab: (t: Tab) => void;
  found: RegExp | null;
  columns: string[];
  filter: (field: string, value: Value, op: 'is' | 'not') => void;
  column: (field: string) => void;
}

// Detail is one record opened: its fields with what to do with each, its
// document, or its neighbours.
export function Detail({ record, tab, setTab, found, columns, filter, column }: Props) {
  const tabs: [Tab, string][] = [['fields', 'Fields'], ['json', 'JSON'], ['context', 'Context ±20']];
  const trace = ['heka.traceId', 'heka.trace_id', 'heka.trace'].find((k) => typeof record.doc[k] === 'string');
  const traceField = trace && `Fields[${trace.slice(5)}]`;
  return (
    <div class={`det ${severityTone(severity(record.doc))}`}>
      <div class="tabs">
        <div role="group" aria-label="What to show of this record">{tabs.map(([key, text]) => <button key={key} aria-pressed={tab === key} onClick={() => setTab(key)}>{text}</button>)}</div>
        {!record.exact && <span class="t3">shown as it may match: the store does not hold all of the message</span>}
        <span class="sp" />
        <Copy small text={() => JSON.stringify(record.doc, null, 2)}>Copy JSON <kbd aria-hidden="true">c</kbd></Copy>
        {traceField && canSay(traceField, 'is', String(record.doc[trace!])) && <button class="btn sm" onClick={() => filter(traceField, String(record.doc[trace!]), 'is')}>Same trace</button>}
      </div>
      {tab === 'fields' && <Fields doc={record.doc} filter={filter} columns={columns} column={column} />}
      {tab === 'fields' && <div class="pay" tabIndex={0} role="group" aria-label="Payload"><Marked text={visible(payload(record.doc))} found={found} />{payload(record.doc) === '' && <span class="t3">no payload</span>}</div>}
      {tab === 'json' && <pre class="pay" tabIndex={0}>{visible(JSON.stringify(record.doc, null, 2))}</pre>}
      {tab === 'context' && <Context record={record} found={found} />}
    </div>
  );
}

interface Around { before: Found[]; record: Found; after: Found[]; partial: boolean }

function Context({ record, found }: { record: Found; found: RegExp | null }) {
  const [around, setAround] = useState<Around | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    setAround(null);
    setProblem(null);
    get<Around>('context', { id: record.id, n: 20 }, stop.signal).then(setAround, (e: Problem) => stop.signal.aborted || setProblem(e));
    return () => stop.abort();
  }, [record.id]);
  if (problem) return <ProblemNote problem={problem} />;
  if (!around) return <p class="t3 wait">Reading what came before and after…</p>;
  const list = [...around.after].reverse().concat(around.record, [...around.before].reverse());
  return (
    <div class="ctx" tabIndex={0} role="group" aria-label="Records of the same hostname and logger">
      {list.map((r) => (
        <div key={r.id + r.index} class={`${severityTone(severity(r.doc))} ${r.id === record.id ? 'here' : ''}`} aria-current={r.id === record.id ? 'true' : undefined}>
          <span class="tm" title={exact(Date.parse(r.time))}>{clockMillis(Date.parse(r.time))}</span> <span class="sv">{severityShort[severity(r.doc)] ?? severity(r.doc)}</span> <span class="pl"><Marked text={inLine(payload(r.doc))} found={found} /></span>
        </div>
      ))}
      <p class="t3">Same hostname and logger, newest first: {around.after.length} after, {around.before.length} before{around.partial ? '; stopped early, there may be more' : ''}.</p>
    </div>
  );
}
