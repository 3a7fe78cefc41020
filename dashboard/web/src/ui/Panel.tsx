import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { Problem } from '../core/api';
import { useTick } from '../core/tick';
import { clock, exact } from '../core/time';
import { ProblemNote } from './parts';

export interface PanelProps {
  title: string;
  unit?: ComponentChildren; // what the figures are, beside the title
  actions?: ComponentChildren; // right end of the header
  class?: string;
  // at: local unix ms at which the data came, null while none ever came;
  // every: seconds between two refreshes. Older than three of them it is stale.
  // Leave both away for what has no age.
  at?: number | null;
  every?: number;
  problem?: Problem | null | undefined;
  retry?: () => void;
  empty?: ComponentChildren; // shown instead of children unless it is null
  children?: ComponentChildren;
}

// stale tells whether data of that age must not pass for current.
export const stale = (at: number | null | undefined, every: number | undefined, now: number): boolean =>
  at !== null && at !== undefined && every !== undefined && now - at > every * 3000;

// Panel is a card that knows the age of what it shows: too old, it dims and says
// as of when it is.
export function Panel({ title, unit, actions, class: c = '', at, every, problem, retry, empty, children }: PanelProps) {
  const id = useId();
  const { now } = useTick();
  const old = stale(at, every, now);
  const loading = at === null && !problem && !empty;
  return (
    <section class={`card ${c} ${old ? 'stale' : ''}`} aria-labelledby={id} aria-busy={loading}>
      <header>
        <h2 id={id}>{title}</h2>
        {unit && <span class="unit" title={typeof unit === 'string' ? unit : undefined}>{unit}</span>}
        <span class="sp" />
        {old && <span class="asof" title={exact(at!)}>as of {clock(at!)}</span>}
        {actions}
      </header>
      {problem ? <ProblemNote problem={problem} retry={retry} /> : empty ? empty : loading ? <div class="skeleton"><span class="vh">Loading</span></div> : children}
    </section>
  );
}
