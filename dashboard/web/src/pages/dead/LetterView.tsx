import { useMemo, useState } from 'preact/hooks';
import { save } from '../../core/file';
import { bytes, count } from '../../core/format';
import { visible } from '../../core/text';
import { exact, parse } from '../../core/time';
import { useAsked } from '../../ui/asked';
import { Copy, ProblemNote, Seg } from '../../ui/parts';
import { bytesOf, hex, type Letter, type Page } from './model';

// LetterView is one letter with its record, decoded and as it was received.
export function LetterView({ stream, letter }: { stream: string; letter: Letter }) {
  const { value, problem, again } = useAsked<Page>('dead/entry', { stream, which: letter.subject });
  const [as, setAs] = useState<'record' | 'json' | 'bytes'>('record');
  const full = value?.entries[0];
  const data = useMemo(() => (full?.frame ? bytesOf(full.frame) : null), [full]);
  const facts: [string, string][] = [
    ['Reason', letter.reason], ['Answer', `${letter.status || 'no status'} ${letter.error_type}`], ['Output', `${letter.sink} of group ${letter.group}`],
    ['First refused', time(letter.first)], ['Last refused', `${time(letter.last)}, ${count(letter.attempts)} ${letter.attempts === 1 ? 'try' : 'tries'}`],
    ['Position', `${letter.position} of ${stream}`], ['Record id', letter.id ?? '– (does not decode)'], ['Letter', letter.subject],
  ];
  return (
    <div class="letter">
      <dl>{facts.map(([name, text]) => <div key={name}><dt>{name}</dt><dd class={/Reason|Position|id|Letter/.test(name) ? 'mono' : ''}>{visible(text)}</dd></div>)}</dl>
      {problem && <ProblemNote problem={problem} retry={again} />}
      {full && (
        <div class="letterbody">
          <div class="actions">
            <Seg label="Show as" options={[['record', 'Fields'], ['json', 'JSON'], ['bytes', 'Bytes']]} value={as} onChange={setAs} />
            <span class="sp" />
            {as === 'json' && full.record && <Copy small text={JSON.stringify(full.record, null, 2)}>Copy JSON</Copy>}
            {as === 'bytes' && full.frame && <Copy small text={full.frame}>Copy base64</Copy>}
            {data && <button class="btn sm" onClick={() => save(`letter-${letter.position}.bin`, 'application/octet-stream', data)}>Save {bytes(data.length)} as received</button>}
          </div>
          {as === 'bytes' ? <pre tabIndex={0}>{data ? hex(data) : 'no bytes'}</pre>
            : !full.record ? <p class="t2">These bytes are no record that can be decoded. “Bytes” shows them as they were received.</p>
            : as === 'json' ? <pre tabIndex={0}>{visible(JSON.stringify(full.record, null, 2))}</pre>
            : <dl class="record">{Object.entries(full.record).map(([name, v]) => <div key={name}><dt>{visible(name)}</dt><dd class="mono">{visible(typeof v === 'string' ? v : JSON.stringify(v))}{name === 'Timestamp' && ' UTC'}</dd></div>)}</dl>}
        </div>
      )}
      {!full && !problem && <div class="skeleton"><span class="vh">Loading</span></div>}
    </div>
  );
}

const time = (text: string): string => exact(parse(text) ?? NaN);
