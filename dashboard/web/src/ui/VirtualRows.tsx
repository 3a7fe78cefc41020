import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

// visible is which rows of a list of fixed height (px) to draw, with a few more
// at both ends. One row may be open and measure openHeight on top of its height.
export function visible(count: number, height: number, top: number, view: number, open = -1, openHeight = 0, more = 8): [from: number, to: number] {
  const at = (y: number): number => {
    if (open < 0 || y <= (open + 1) * height) return Math.floor(y / height);
    return y <= (open + 1) * height + openHeight ? open : Math.floor((y - openHeight) / height);
  };
  const from = Math.max(0, at(Math.max(0, top)) - more);
  return [Math.min(from, count), Math.min(count, at(top + view) + 1 + more)];
}

export interface VirtualRowsProps {
  count: number;
  height: number; // px of each row
  label: string;
  row: (index: number) => ComponentChildren; // gets role=row and its place from here
  rowKey: (index: number) => string | number;
  rowClass?: (index: number) => string;
  open?: number; // index of the one open row, -1 for none
  detail?: ComponentChildren; // what is open below it, of any height
  follow?: boolean; // keep the last row in sight
  current?: number; // keep this row in sight when it changes
  head?: ComponentChildren; // a row above all, role=row
  columns?: number;
  onScroll?: (atEnd: boolean, atStart: boolean) => void;
  class?: string;
}

// VirtualRows draws only the rows in sight of a list of any length.
export function VirtualRows({ count, height, label, row, rowKey, rowClass, open = -1, detail, follow, current, head, columns, onScroll, class: c = '' }: VirtualRowsProps) {
  const box = useRef<HTMLDivElement>(null), opened = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [openHeight, setOpenHeight] = useState(0);

  useLayoutEffect(() => {
    const el = box.current!;
    const measure = () => setView((v) => (v.height === el.clientHeight ? v : { ...v, height: el.clientHeight }));
    const watch = new ResizeObserver(measure);
    watch.observe(el);
    measure();
    return () => watch.disconnect();
  }, []);
  useLayoutEffect(() => {
    const el = opened.current;
    if (!el || open < 0) { setOpenHeight(0); return; }
    const watch = new ResizeObserver(() => setOpenHeight(el.offsetHeight));
    watch.observe(el);
    setOpenHeight(el.offsetHeight);
    return () => watch.disconnect();
  }, [open, detail !== undefined]);
  useLayoutEffect(() => {
    const el = box.current!;
    if (follow) el.scrollTop = el.scrollHeight;
  }, [follow, count, openHeight]);
  useEffect(() => {
    const el = box.current!;
    if (open < 0 || openHeight === 0) return;
    const top = open * height, over = top + height * 2 + openHeight - (el.scrollTop + el.clientHeight);
    if (over > 0) el.scrollTop = Math.min(el.scrollTop + over, top);
  }, [open, openHeight > 0]);
  useEffect(() => {
    const el = box.current!;
    if (current === undefined || current < 0) return;
    const top = current * height + (open >= 0 && current > open ? openHeight : 0);
    if (top < el.scrollTop) el.scrollTop = top;
    else if (top + height * 2 > el.scrollTop + el.clientHeight) el.scrollTop = top + height * 2 - el.clientHeight;
  }, [current]);

  const scrolled = () => {
    const el = box.current;
    if (!el) return; // the event came after the list had gone
    setView({ top: el.scrollTop, height: el.clientHeight });
    onScroll?.(el.scrollTop + el.clientHeight >= el.scrollHeight - 4, el.scrollTop <= 0);
  };
  const [from, to] = visible(count, height, view.top, view.height, open, openHeight);
  const y = (i: number) => i * height + (open >= 0 && i > open ? openHeight : 0);
  const list = [];
  for (let i = from; i < to; i++) {
    list.push(
      <div key={rowKey(i)} role="row" aria-rowindex={i + 1 + (head ? 1 : 0)} class={`vrow ${rowClass?.(i) ?? ''}`} style={{ top: `${y(i)}px`, height: `${height}px` }}>{row(i)}</div>,
    );
    if (i === open) list.push(<div key="open" ref={opened} role="row" class="vopen" style={{ top: `${y(i) + height}px` }}><div role="cell">{detail}</div></div>);
  }
  return (
    <div class={`virtual ${c}`} ref={box} onScroll={scrolled} role="table" aria-label={label} aria-rowcount={count + (head ? 1 : 0)} aria-colcount={columns} tabIndex={0}>
      {head && <div class="vhead" role="row">{head}</div>}
      <div class="vspace" role="rowgroup" style={{ height: `${count * height + openHeight}px` }}>{list}</div>
    </div>
  );
}
