import { useState } from 'preact/hooks';
import { count, NONE } from '../../core/format';
import { inLine, severityName, severityTone } from '../../core/record';
import { canSay, isDynamic, isRaw, type Chip, type Value } from '../../core/spec';

export interface FacetsAnswer {
  facets: { field: string; values: [string, number][]; other: number }[];
  counted: number;
  total_is: 'exact' | 'at_least';
  partial: boolean;
  took_ms: number;
}

export type Counted = FacetsAnswer['facets'][number];

const tones: Record<string, string> = { e: 'errf', w: 'warnf', '': 'c6' };
const SHOWN = 8, FOUND = 20, MANY = 6; // values; of more than many some can be looked for

// chosen tells which values of a field the conditions ask for.
export function chosen(chips: readonly Chip[] | null, field: string, text: string): boolean {
  return (chips ?? []).some((c) => {
    if (isRaw(c) || c.field !== field) return false;
    if (c.op === 'is') return c.values.some((v) => String(v) === text);
    return field === 'Severity' && c.op === 'le' && Number(text) <= Number(c.values[0]);
  });
}

interface Props {
  facet: Counted;
  seen: ReadonlySet<string>; // values there were before, so that a choice can be taken back
  of: string; // what is counted
  certain: boolean; // what is not listed is not there
  chips: Chip[] | null; // null: the spec is no list of conditions
  value: (text: string) => Value; // as a spec compares it
  onTick: (value: Value, on: boolean) => void;
  onRemove?: () => void;
}

// Facet is the values of one field among the matches, with how often there is each.
export function Facet({ facet: f, seen, of, certain, chips, value, onTick, onRemove }: Props) {
  const [find, setFind] = useState('');
  const levels = f.field === 'Severity', name = inLine(isDynamic(f.field) ? f.field.slice(7, -1) : f.field);
  const counts = new Map(f.values);
  const list = [...f.values.map(([text]) => text), ...[...seen].filter((t) => !counts.has(t))];
  if (levels) list.sort((a, b) => Number(a) - Number(b));
  const shown = find ? list.filter((t) => t.toLowerCase().includes(find.toLowerCase())) : list;
  const top = Math.max(1, ...counts.values());
  return (
    <>
      <h2><span class="cut" title={inLine(f.field)}>{name}</span><span class="t3">{of}{onRemove && <button class="btn bare" aria-label={`No longer count ${inLine(f.field)}`} onClick={onRemove}>×</button>}</span></h2>
      {!levels && list.length > MANY && <input class="fsearch" placeholder={`Find a ${isDynamic(f.field) ? name : name.toLowerCase()}`} aria-label={`Find a ${name}`} value={find} onInput={(e) => setFind(e.currentTarget.value)} />}
      {shown.slice(0, find ? FOUND : SHOWN).map((text) => {
        const n = counts.get(text), tone = levels ? severityTone(Number(text)) : '';
        return (
          <label class="fv" key={text} title={inLine(text)}>
            <input type="checkbox" checked={chosen(chips, f.field, text)} disabled={chips === null || !canSay(f.field, 'is', value(text))} onChange={(e) => onTick(value(text), e.currentTarget.checked)} />
            <span class="nm">{levels ? severityName(Number(text)).replace(/^./, (c) => c.toUpperCase()) : inLine(text) || <i>empty</i>}</span>
            <span class="n">{n !== undefined ? count(n) : certain ? '0' : NONE}</span>
            <i class={`fb ${tone ? `f-${tones[tone]}` : ''}`} style={{ '--p': (n ?? 0) / top }} />
          </label>
        );
      })}
      {f.values.length === 0 && !levels && <p class="more">no match has it</p>}
      {f.other > 0 && <p class="more">others {count(f.other)}</p>}
    </>
  );
}
