import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Problem } from '../core/api';
import { age, exact, moment } from '../core/time';
import type { Tone } from '../core/types';
import { Icon } from './icons';

// The small parts that pages are made of.

// Pill says a state in words; its dot only repeats it in colour.
export function Pill({ tone, children, title, dot = tone !== 'plain' }: { tone: Tone; children: ComponentChildren; title?: string; dot?: boolean }) {
  return <span class={`pill ${tone}`} title={title}>{dot && <span class="dot" />}{children}</span>;
}

// State is a dot and a word inside a table.
export function State({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`st ${tone}`}><span class="dot" />{children}</span>;
}

// Meter shows how much of a limit is used.
export function Meter({ value, limit, warn = 0.8 }: { value: number; limit: number; warn?: number }) {
  const share = limit > 0 ? Math.min(1, value / limit) : 0;
  return <span class={`meter ${share >= warn ? 'w' : ''}`} aria-hidden="true"><i style={{ width: `${share * 100}%` }} /></span>;
}

// Bar shows parts of a whole by their size; label says the same in words.
export function Bar({ parts, label }: { parts: { value: number; tone: string }[]; label: string }) {
  return (
    <div class="sbar" role="img" aria-label={label}>
      {parts.filter((p) => p.value > 0).map((p) => <i key={p.tone} class={`f-${p.tone}`} style={{ flexGrow: p.value }} />)}
    </div>
  );
}

// Spark is a small curve without axes. Gaps stay gaps.
export function Spark({ values, tone = 'c1' }: { values: readonly (number | null)[]; tone?: string }) {
  const w = 84, h = 26;
  let top = 0;
  for (const v of values) if (v !== null && v > top) top = v;
  let d = '', pen = false;
  values.forEach((v, i) => {
    if (v === null) { pen = false; return; }
    const x = (i / Math.max(1, values.length - 1)) * w, y = h - 2 - (top > 0 ? v / top : 0) * (h - 5);
    d += `${pen ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = true;
  });
  return <svg class="spark" viewBox={`0 0 ${w} ${h}`} aria-hidden="true"><path d={d} class={`s-${tone}`} /></svg>;
}

// Empty says that there is nothing, and what to do about it.
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return <div class="empty"><p class="b">{title}</p>{children && <div>{children}</div>}</div>;
}

// ProblemNote shows an error of the API where its data would be.
export function ProblemNote({ problem, retry }: { problem: Problem; retry?: (() => void) | undefined }) {
  return (
    <div class="note err" role="alert">
      <Icon name="warn" />
      <div><b>{problem.title}</b>{problem.detail && <> · {problem.detail}</>}{problem.expected && <> · expected {problem.expected}</>}</div>
      {retry && <button class="btn sm" onClick={retry}>Try again</button>}
    </div>
  );
}

// Time is a moment, short, with the exact one on hover.
export function Time({ at, now, class: c }: { at: number | null; now?: number; class?: string }) {
  if (at === null) return <span class={c}>–</span>;
  return <time class={c} dateTime={new Date(at).toISOString()} title={exact(at)}>{moment(at, now ?? Date.now())}</time>;
}

// Age is how long ago, with the exact moment on hover.
export function Age({ at, now, class: c }: { at: number | null; now: number; class?: string }) {
  if (at === null) return <span class={c}>–</span>;
  return <time class={c} dateTime={new Date(at).toISOString()} title={exact(at)}>{age((now - at) / 1000)}</time>;
}

export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { // not a secure context: plain http on another host
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'vh';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

// Copy is a button that copies a text and says so.
export function Copy({ text, children, small }: { text: string | (() => string); children?: ComponentChildren; small?: boolean }) {
  const [done, setDone] = useState<'' | 'Copied' | 'Copying failed'>('');
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(''), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  const click = async () => setDone((await copy(typeof text === 'function' ? text() : text)) ? 'Copied' : 'Copying failed');
  return (
    <button class={`btn ${small ? 'sm' : ''}`} onClick={() => void click()}>
      <Icon name={done === 'Copied' ? 'check' : 'copy'} size={13} /><span aria-live="polite">{done || children || 'Copy'}</span>
    </button>
  );
}

// Command is a line for the terminal with its copy button.
export const Command = ({ text }: { text: string }) => <p class="command"><code>{text}</code> <Copy small text={text} /></p>;

// Seg is a choice of a few.
export function Seg<T extends string>({ label, options, value, onChange }: { label: string; options: readonly (readonly [T, string])[]; value: T; onChange: (v: T) => void }) {
  return (
    <div class="seg" role="group" aria-label={label}>
      {options.map(([key, text]) => <button key={key} type="button" aria-pressed={key === value} onClick={() => onChange(key)}>{text}</button>)}
    </div>
  );
}
