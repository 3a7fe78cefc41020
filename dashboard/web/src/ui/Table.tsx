import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

export interface Column<R> {
  key: string;
  title: ComponentChildren;
  hint?: string; // explanation on hover of the title
  num?: boolean; // right-aligned
  class?: string;
  cell: (row: R) => ComponentChildren;
  sort?: (row: R) => number | string | null; // sortable by it; null sorts last
}

export interface Sort {
  key: string;
  down: boolean;
}

// order sorts rows by a column; equal rows keep their order.
export function order<R>(rows: readonly R[], columns: readonly Column<R>[], sort: Sort | null): R[] {
  const by = columns.find((c) => c.key === sort?.key)?.sort;
  if (!sort || !by) return [...rows];
  return [...rows].sort((a, b) => {
    const x = by(a), y = by(b);
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    const less = typeof x === 'string' && typeof y === 'string' ? x.localeCompare(y) : Number(x) - Number(y);
    return sort.down ? -less : less;
  });
}

export interface TableProps<R> {
  caption: string; // for screen readers
  columns: readonly Column<R>[];
  rows: readonly R[];
  id: (row: R) => string;
  sort?: Sort | null; // with onSort: the page keeps it, in the URL for one
  onSort?: (sort: Sort) => void;
  rowId?: (row: R) => string; // of the element
  rowClass?: (row: R) => string;
  current?: string; // id of the selected row
  after?: (row: R) => ComponentChildren; // a row of its own below, null for none
  class?: string;
}

// Table is a real table. Titles of sortable columns are buttons; the first click
// sorts numbers downwards and words upwards.
export function Table<R>({ caption, columns, rows, id, sort: given, onSort, rowId, rowClass, current, after, class: c = '' }: TableProps<R>) {
  const [own, setOwn] = useState<Sort | null>(given ?? null);
  const sort = onSort ? given ?? null : own;
  const sorted = order(rows, columns, sort);
  const by = (column: Column<R>) => {
    const next = { key: column.key, down: sort?.key === column.key ? !sort.down : Boolean(column.num) };
    (onSort ?? setOwn)(next);
  };
  return (
    <div class={`scroll ${c}`} tabIndex={0} role="group" aria-label={caption}>
      <table class="tb">
        <caption class="vh">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => {
              const on = sort?.key === column.key;
              return (
                <th key={column.key} scope="col" class={`${column.num ? 'num' : ''} ${column.class ?? ''}`} title={column.hint} aria-sort={column.sort ? (on ? (sort.down ? 'descending' : 'ascending') : 'none') : undefined}>
                  {column.sort ? <button class="sort" onClick={() => by(column)}>{column.title}{on && <span aria-hidden="true">{sort.down ? ' ↓' : ' ↑'}</span>}</button> : column.title}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => {
            const key = id(row), below = after?.(row);
            return [
              <tr key={key} id={rowId?.(row)} class={rowClass?.(row)} aria-current={current === key || undefined}>
                {columns.map((column) => <td key={column.key} class={`${column.num ? 'num' : ''} ${column.class ?? ''}`}>{column.cell(row)}</td>)}
              </tr>,
              below && <tr key={key + '+'} class="below"><td colSpan={columns.length}>{below}</td></tr>,
            ];
          })}
        </tbody>
      </table>
    </div>
  );
}
