import { exact } from '../../core/time';
import { address } from '../../core/api';
import { Copy } from '../../ui/parts';
import type { TailRow } from './ring';
import { visible } from './show';

// Detail is one record with all that came of it.
export function Detail({ row }: { row: TailRow }) {
  const text = row.doc['message'];
  const fields = Object.entries(row.doc).filter(([name]) => name !== 'message');
  return (
    <div class="taildetail">
      <div class="actions">
        <Copy small text={() => JSON.stringify(row.doc, null, 2)}>Copy JSON</Copy>
        <a class="btn sm" target="_blank" rel="noreferrer" href={address('message', { position: row.position, stream: row.stream })}>As received</a>
        {row.cut && <span class="warn">Longer than what is sent to a live tail; “As received” has all of it.</span>}
      </div>
      <dl>
        <div><dt>Position</dt><dd>{row.position}{row.stream && <span class="t3"> of {row.stream}</span>}</dd></div>
        <div><dt>Time</dt><dd>{exact(row.at)}</dd></div>
        {fields.map(([name, value]) => <div key={name}><dt title={name}>{visible(name)}</dt><dd>{visible(typeof value === 'string' ? value : JSON.stringify(value))}</dd></div>)}
      </dl>
      {typeof text === 'string' && <pre>{text.split('\n').map(visible).join('\n')}</pre>}
    </div>
  );
}
