import { useMemo, useRef, useState } from 'preact/hooks';
import { count } from '../../core/format';
import { dynamicNames, typed, type Found } from '../../core/record';
import { canSay, isDynamic, isRaw, type Chip, type Value } from '../../core/spec';
import { ProblemNote } from '../../ui/parts';
import { Facet, type Counted, type FacetsAnswer } from './Facet';
import type { Part } from './useSearch';

interface Props {
  headers: Part<FacetsAnswer>;
  dynamic: Part<FacetsAnswer>; // of the fields below
  fields: readonly string[]; // Fields[…] whose values are counted
  records: readonly Found[]; // the rows there are: what fields have which kinds of values
  chips: Chip[] | null;
  refused: boolean; // the question itself is wrong, which is said elsewhere
  onToggle: (field: string, value: Value, on: boolean) => void;
  onOnly: (field: string, values: Value[]) => void;
  onFields: (fields: string[]) => void;
  onCancel: () => void;
  onAgain: () => void;
}

export const MOST_FIELDS = 8; // that the server counts at a time

// Facets count values among the matches: of the headers always, of dynamic fields
// those that were chosen.
export function Facets({ headers, dynamic, fields, records, chips, refused, onToggle, onOnly, onFields, onCancel, onAgain }: Props) {
  const seen = useRef(new Map<string, Set<string>>());
  const [shown, setShown] = useState(false); // on a narrow screen
  const loading = headers.loading || dynamic.loading, answer = headers.value;
  const known = (f: Counted): Set<string> => {
    let values = seen.current.get(f.field);
    if (!values) seen.current.set(f.field, (values = new Set(f.field === 'Severity' ? ['3', '4', '5', '6', '7'] : [])));
    for (const [text] of f.values) if (values.size < 100) values.add(text);
    return values;
  };
  const tick = (field: string, value: Value, on: boolean) => {
    const le = field === 'Severity' && chips?.find((c) => !isRaw(c) && c.field === field && c.op === 'le');
    if (le && !isRaw(le)) {
      const all = Array.from({ length: Math.min(7, Number(le.values[0])) + 1 }, (_, i) => i);
      onOnly(field, on ? [...all, Number(value)] : all.filter((n) => n !== value));
    } else onToggle(field, value, on);
  };
  const section = (f: Counted, of: string, from: Part<FacetsAnswer>) => (
    <section key={f.field} class={from.loading ? 'old' : ''}>
      <Facet
        facet={f} seen={known(f)} of={of} certain={f.other === 0 && !from.value!.partial && from.value!.total_is === 'exact'} chips={chips}
        value={(text) => (f.field === 'Severity' ? Number(text) : isDynamic(f.field) ? typed(records, f.field, text) : text)}
        onTick={(value, on) => tick(f.field, value, on)} {...(isDynamic(f.field) ? { onRemove: () => onFields(fields.filter((name) => name !== f.field)) } : {})}
      />
    </section>
  );
  const all = (a: FacetsAnswer) => !a.partial && a.total_is === 'exact';
  const number = (f: Counted) => `${count(f.values.length)}${f.other ? '+' : ''}`;
  const problem = refused ? null : headers.problem;
  return (
    <aside class={`card facet ${shown ? 'shown' : ''}`} aria-label="Values among the matches" aria-busy={loading}>
      <button class="btn sm narrow" aria-expanded={shown} onClick={() => setShown(!shown)}>{shown ? 'Hide values' : 'Filter by value'}</button>
      {problem ? <ProblemNote problem={problem} retry={onAgain} /> : answer?.facets.map((f, n) => section(f, n === 0 ? `of ${all(answer) ? '' : `${count(answer.counted)} `}matches` : number(f), headers))}
      {fields.length > 0 && !refused && dynamic.problem && <ProblemNote problem={dynamic.problem} retry={onAgain} />}
      {dynamic.value?.facets.filter((f) => fields.includes(f.field)).map((f) => section(f, all(dynamic.value!) ? number(f) : `of ${count(dynamic.value!.counted)}`, dynamic))}
      {!problem && answer && fields.length < MOST_FIELDS && <AddField records={records} fields={fields} onAdd={(name) => onFields([...fields, name])} />}
      {!answer && !problem && <div class="fnone">{loading ? 'Counting values…' : 'Not counted'}</div>}
      {loading && <div class="fnone"><button class="btn sm" onClick={onCancel}>Stop counting</button></div>}
      {!loading && !answer && !problem && <div class="fnone"><button class="btn sm" onClick={onAgain}>Count</button></div>}
    </aside>
  );
}

// AddField chooses a dynamic field whose values are counted, too; the rows there are
// suggest some.
function AddField({ records, fields, onAdd }: { records: readonly Found[]; fields: readonly string[]; onAdd: (field: string) => void }) {
  const [name, setName] = useState('');
  const names = useMemo(() => dynamicNames(records).filter((n) => !fields.includes(`Fields[${n}]`)), [records, fields]);
  const field = `Fields[${name.trim()}]`, fine = name.trim() !== '' && canSay(field, 'is', 'x') && !fields.includes(field);
  const add = (e: Event) => {
    e.preventDefault();
    if (!fine) return;
    onAdd(field);
    setName('');
  };
  return (
    <form class="addfield" onSubmit={add}>
      <input class="fsearch" list="fields-there-are" placeholder="Count a field" aria-label="Count the values of a field" spellcheck={false} autocomplete="off" value={name} onInput={(e) => setName(e.currentTarget.value)} />
      <datalist id="fields-there-are">{names.map((n) => <option key={n} value={n} />)}</datalist>
      <button class="btn sm" disabled={!fine}>Add</button>
    </form>
  );
}
