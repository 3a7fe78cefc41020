import { address } from '../../core/api';
import { payload } from '../../core/record';
import { visible } from '../../core/text';
import { exact } from '../../core/time';
import { Fields, type FieldsProps } from '../../ui/Fields';
import { Copy } from '../../ui/parts';
import type { TailRow } from './ring';

// Detail is one record with all that came of it.
export function Detail({ row, filter }: { row: TailRow; filter: FieldsProps['filter'] }) {
  const text = payload(row.doc);
  return (
    <div class="taildetail">
      <div class="actions">
        <span class="t3">{exact(row.at)} · position {row.position}{row.stream && ` of ${row.stream}`}</span>
        <span class="sp" />
        <Copy small text={() => JSON.stringify(row.doc, null, 2)}>Copy JSON</Copy>
        <a class="btn sm" target="_blank" rel="noreferrer" href={address('message', { position: row.position, stream: row.stream })}>As received</a>
      </div>
      {row.cut && <p class="warn">Longer than what is sent to a live tail; “As received” has all of it.</p>}
      <Fields doc={row.doc} filter={filter} />
      {text !== '' && <pre tabIndex={0} aria-label="Payload">{visible(text)}</pre>}
    </div>
  );
}
