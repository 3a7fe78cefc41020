import { useRef, useState } from 'preact/hooks';
import type { Problem } from '../../core/api';
import { count, NONE } from '../../core/format';
import { isRaw, type Chip, type Value } from '../../core/spec';
import { ProblemNote } from '../../ui/parts';
import { severityName, severityTone } from './record';

export interface FacetsAnswer {
  facets: { field: string; values: [string, number][]; other: number }[];
  counted: number;
  total_is: 'exact' | 'at_least';
  partial: boolean;
  took_ms: number;
}

interface Props {
  answer: FacetsAnswer | null;
  loading: boolean;
  problem: Problem | null;
  chips: Chip[] | null; // null: the spec is no list of conditions
  onToggle: (field: string, value: Value, on: boolean) => void;
  onOnly: (field: string, values: Value[]) => void;
  onCancel: () => void;
  onAgain: () => void;
}

const tones: Record<string, string> = { e: 'errf', w: 'warnf', '': 'c6' };

// chosen tells which values of a field the conditions ask for.
export function chosen(chips: readonly Chip[] | null, field: string, text: string): boolean {
  return (chips ?? []).some((c) => {
    if (isRaw(c) || c.field !== field) return false;
    if (c.op === 'is') return c.values.some((v) => String(v) === text);
    return field === 'Severity' && c.op === 'le' && Number(text) <= Number(c.values[0]);
  });
}

// Facets count values among the matches. Values seen before stay in the list, with
// 0 where that is known, so that a choice can be taken back.
export function Facets({ answer, loading, problem, chips, onToggle, onOnly, onCancel, onAgain }: Props) {
  const seen = useRef(new Map<string, Set<string>>());
  const [find, setFind] = useState('');
  if (answer) {
    for (const f of answer.facets) {
      let known = seen.current.get(f.field);
      if (!known) seen.current.set(f.field, (known = new Set(f.field === 'Severity' ? ['3', '4', '5', '6', '7'] : [])));
      for (const [text] of f.values) if (known.size < 100) known.add(text);
    }
  }
  const tick = (field: string, text: string, on: boolean) => {
    const value = field === 'Severity' ? Number(text) : text;
    const le = field === 'Severity' && chips?.find((c) => !isRaw(c) && c.field === field && c.op === 'le');
    if (le && !isRaw(le)) {
      const all = Array.from({ length: Math.min(7, Number(le.values[0])) + 1 }, (_, i) => i);
      onOnly(field, on ? [...all, Number(text)] : all.filter((n) => n !== value));
    } else onToggle(field, value, on);
  };
  return (
    <aside class="card facet" aria-label="Values among the matches" aria-busy={loading}>
      {problem ? <ProblemNote problem={problem} retry={onAgain} /> : (answer?.facets ?? []).map((f, n) => {
        const counts = new Map(f.values);
        const certain = f.other === 0 && !answer!.partial && answer!.total_is === 'exact';
        const picked = (text: string) => chosen(chips, f.field, text);
        const list = [...f.values.map(([text]) => text), ...[...(seen.current.get(f.field) ?? [])].filter((t) => !counts.has(t))];
        if (f.field === 'Severity') list.sort((a, b) => Number(a) - Number(b));
        const top = Math.max(1, ...counts.values());
        const shown = f.field === 'Hostname' && find ? list.filter((t) => t.toLowerCase().includes(find.toLowerCase())) : list;
        return (
          <section key={f.field} class={loading ? 'old' : ''}>
            <h2>{f.field}<span class="t3">{n === 0 ? `of ${answer!.partial || answer!.total_is === 'at_least' ? `${count(answer!.counted)} ` : ''}matches` : `${count(f.values.length)}${f.other ? '+' : ''}`}</span></h2>
            {f.field === 'Hostname' && list.length > 6 && <input class="fsearch" placeholder="Find a hostname" aria-label="Find a hostname" value={find} onInput={(e) => setFind(e.currentTarget.value)} />}
            {shown.slice(0, f.field === 'Severity' ? 8 : find && f.field === 'Hostname' ? 20 : 8).map((text) => {
              const value = counts.get(text);
              const tone = f.field === 'Severity' ? severityTone(Number(text)) : '';
              return (
                <label class="fv" key={text} title={text}>
                  <input type="checkbox" checked={picked(text)} disabled={chips === null} onChange={(e) => tick(f.field, text, e.currentTarget.checked)} />
                  <span class="nm">{f.field === 'Severity' ? severityName(Number(text)).replace(/^./, (c) => c.toUpperCase()) : text || <i>empty</i>}</span>
                  <span class="n">{value !== undefined ? count(value) : certain ? '0' : NONE}</span>
                  <i class={`fb ${tone ? `f-${tones[tone]}` : ''}`} style={{ '--p': (value ?? 0) / top }} />
                </label>
              );
            })}
            {f.other > 0 && <p class="more">others {count(f.other)}</p>}
          </section>
        );
      })}
      {!answer && !problem && <div class="fnone">{loading ? 'Counting values…' : 'Not counted'}</div>}
      {loading && <div class="fnone"><button class="btn sm" onClick={onCancel}>Stop counting</button></div>}
      {!loading && !answer && !problem && <div class="fnone"><button class="btn sm" onClick={onAgain}>Count</button></div>}
    </aside>
  );
}
