import { inLine, parts, severityName } from '../core/record';
import { visible } from '../core/text';
import { canSay, type Value } from '../core/spec';
import { exact } from '../core/time';
import type { Doc } from '../core/types';
import './fields.css';

export interface FieldsProps {
  doc: Doc;
  filter: (field: string, value: Value, op: 'is' | 'not') => void;
  columns?: readonly string[]; // shown as columns, where there are some
  column?: (field: string) => void;
}

// Fields of a record, each with what to do with its value.
export function Fields({ doc, filter, columns, column }: FieldsProps) {
  const list = parts(doc);
  return (
    <dl class="fields" style={{ gridTemplateRows: `repeat(${Math.ceil(list.length / 2)}, 24px)` }}>
      {list.map((p) => {
        const value = p.values[0];
        const can = (op: 'is' | 'not') => value !== undefined && canSay(p.name, op, value);
        const text = p.name === 'Timestamp' ? exact(Date.parse(p.text)) : p.name === 'Severity' ? `${p.text} (${severityName(Number(p.text))})` : p.text;
        const known = columns?.includes(p.name) ?? false;
        return (
          <div class="f" key={p.name} data-field={p.name}>
            <dt title={visible(p.name)}>{visible(p.name)}</dt>
            <dd title={p.name === 'Timestamp' ? p.text : visible(p.text)}>{inLine(text) || '\u00a0'}</dd>
            <dd class="ac">
              <button aria-label={`Filter for this ${visible(p.name)}`} title="Filter for this value (+)" disabled={!can('is')} onClick={() => filter(p.name, value!, 'is')}>+</button>
              <button aria-label={`Filter out this ${visible(p.name)}`} title="Filter out this value (-)" disabled={!can('not')} onClick={() => filter(p.name, value!, 'not')}>−</button>
              {column && <button aria-label={`${visible(p.name)} as a column`} aria-pressed={known} title={known ? 'Remove the column' : 'Show as a column'} onClick={() => column(p.name)}>▤</button>}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

// pressFocused does what + and − say with the field that has the focus, if it can.
export function pressFocused(op: 'is' | 'not'): void {
  document.activeElement?.closest('[data-field]')?.querySelectorAll('button')[op === 'is' ? 0 : 1]?.click();
}
