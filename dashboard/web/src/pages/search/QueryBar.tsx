import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Problem } from '../../core/api';
import { inLine, severityName } from '../../core/record';
import { canSay, isDynamic, isNumeric, isRaw, opWords, specOf, textOf, withTerm, type Chip, type Op, type Test, type Value } from '../../core/spec';
import { visible } from '../../core/text';
import { href } from '../../core/url';
import { Icon } from '../../ui/icons';
import { change, rangeWords, spanWords, type Query, type Span } from './query';
import { TimeDialog } from './TimeDialog';
import { asked, mistakeIn, type Mistake } from './words';

interface Props {
  query: Query;
  chips: Chip[] | null;
  span: Span | null; // as it was asked
  problem: Problem | null;
  input: RefObject<HTMLInputElement | null>;
  busy: boolean;
  onRun: () => void;
  onStop: () => void;
}

const valueWords = (field: string, v: Value): string => (v === null ? 'absent' : field === 'Severity' ? severityName(Number(v)) : v === '' ? 'empty' : inLine(String(v)));

// QueryBar is what is asked for: words, time, conditions, and all conditions as text.
export function QueryBar({ query, chips, span, problem, input, busy, onRun, onStop }: Props) {
  const [text, setText] = useState(query.text);
  const [editing, setEditing] = useState(false);
  const [spec, setSpec] = useState(query.q);
  const [adding, setAdding] = useState(false);
  const [times, setTimes] = useState(false);
  useEffect(() => setText(query.text), [query.text]);
  useEffect(() => setSpec(query.q), [query.q]);
  const asText = editing || chips === null;
  const typed = query.regexp ? text : text.trim();
  const run = (q: string) => (typed === query.text && q.trim() === query.q ? onRun() : change({ text: typed, q: q.trim() }));
  const { q } = asked(query);
  const mistake = problem && mistakeIn(query, problem), specMistake = problem?.parameter === 'q' && !mistake ? problem : null;
  const name = query.regexp ? 'Regular expression for the payload' : query.inside ? 'Text in the payload' : 'Words in the payload';
  // As text there is one place for all that a spec says.
  const edit = () => {
    if (!editing && q !== query.q) change({ ...asked(query), matchCase: false, inside: false, regexp: false });
    setSpec(q);
    setEditing(!editing);
  };
  const submit = (e: Event) => {
    e.preventDefault();
    run(asText ? spec : query.q);
  };
  return (
    <section class="card qwrap" aria-label="Query">
      <form class="qrow" onSubmit={submit} role="search">
        <div class={`q ${mistake ? 'bad' : ''}`}>
          <Icon name="search" size={15} />
          <input ref={input} value={text} placeholder={name} aria-label={name} aria-invalid={mistake !== null} aria-describedby={mistake ? 'text-wrong' : undefined} spellcheck={false} autocomplete="off" onInput={(e) => setText(e.currentTarget.value)} />
          {text && <button type="button" class="btn ico bare" aria-label="Clear the words" onClick={() => { setText(''); if (query.text) change({ text: '' }); input.current?.focus(); }}>×</button>}
          <span class="tgs" role="group" aria-label="How the text is meant">
            <Toggle sign="Aa" name="Match case" on={query.matchCase} onClick={() => change({ text: typed, matchCase: !query.matchCase })} />
            <Toggle sign="W" name="Whole words" why={query.regexp ? ': in an expression \\b says where words begin and end' : query.inside ? '' : ', in any order; without it all parts of the text, wherever they stand'} on={!query.inside && !query.regexp} disabled={query.regexp} onClick={() => change({ text: typed, inside: !query.inside })} />
            <Toggle sign=".*" name="Regular expression" why=" (RE2); only plain texts, a|b too, are marked in the rows" on={query.regexp} onClick={() => change({ text: typed, regexp: !query.regexp })} />
          </span>
          <kbd aria-hidden="true">/</kbd>
        </div>
        <button type="button" class="btn" onClick={() => setTimes(true)} title="Time range; [ shorter, ] longer"><Icon name="clock" size={14} />{rangeWords(query.range)}{span && span.from !== null && <span class="t3">{spanWords(span)}</span>}</button>
        {busy ? <button type="button" class="btn" onClick={onStop}>Stop</button> : <button class="btn pri">Search<kbd class="on" aria-hidden="true">↵</kbd></button>}
      </form>
      {mistake && <TextMistake text={query.text} mistake={mistake} />}
      <div class="chips">
        {(chips ?? []).map((c, i) => <ChipView key={i} chip={c} onRemove={() => change({ q: specOf(chips!.filter((_, n) => n !== i)) })} />)}
        {chips !== null && <button class="chip add" aria-expanded={adding} onClick={() => setAdding(!adding)}>{adding ? 'Close' : '+ Add filter'}</button>}
        {chips !== null && chips.length === 0 && !adding && <span class="t3">no filters{query.text === '' && ': all records of this time'}</span>}
      </div>
      {adding && chips !== null && <AddFilter onAdd={(t) => { change({ q: withTerm(query.q, t) }); setAdding(false); }} />}
      <div class="spec">
        <label for="spec">Match spec</label>
        {asText ? (
          <form class="specform" onSubmit={submit}>
            <input id="spec" class={`field mono ${specMistake ? 'bad' : ''}`} value={spec} placeholder="Severity <= 4 && Hostname =~ /^web-/" spellcheck={false} autocomplete="off" aria-describedby={specMistake ? 'spec-wrong' : undefined} onInput={(e) => setSpec(e.currentTarget.value)} />
          </form>
        ) : <code id="spec" class="cut" title={inLine(q)}>{inLine(q) || <span class="t3">none</span>}</code>}
        <span class="sp" />
        {chips !== null && <button class="link" onClick={edit}>{editing ? 'Done' : 'Edit as text'}</button>}
        <a href={href('tail', { ...asked(query) })}>Use in live tail</a>
      </div>
      {specMistake && <SpecProblem problem={specMistake} />}
      <TimeDialog open={times} range={query.range} onClose={() => setTimes(false)} />
    </section>
  );
}

interface ToggleProps { sign: string; name: string; why?: string; on: boolean; disabled?: boolean; onClick: () => void }

function Toggle({ sign, name, why = '', on, disabled = false, onClick }: ToggleProps) {
  return <button type="button" class="tg" aria-label={name} title={name + why} aria-pressed={on} disabled={disabled} onClick={onClick}>{sign}</button>;
}

// TextMistake is what is wrong with the text of the box, with a caret under the place.
function TextMistake({ text, mistake: { at, message } }: { text: string; mistake: Mistake }) {
  return (
    <div class="wrong" id="text-wrong" role="alert">
      {at !== null && <pre>{`${visible(text)}\n${visible(text.slice(0, at)).replace(/./gsu, ' ')}^`}</pre>}
      <p class="err">{message}</p>
    </div>
  );
}

// SpecProblem is the server's own words, with its caret under the place.
function SpecProblem({ problem }: { problem: Problem }) {
  const message = problem.detail.split('\n')[0]!.replace(/^parameter q: (match spec, )?/, '');
  return (
    <div class="wrong" id="spec-wrong" role="alert">
      {problem.excerpt && <pre>{visible(problem.excerpt.replace(/^ {4}/gm, ''))}</pre>}
      <p class="err">{visible(message)}{problem.expected && <span class="t2"> · expected {problem.expected}</span>}</p>
    </div>
  );
}

function ChipView({ chip, onRemove }: { chip: Chip; onRemove: () => void }) {
  const remove = <button aria-label={`Remove the filter ${inLine(textOf(chip))}`} onClick={onRemove}>×</button>;
  if (isRaw(chip)) return <span class="chip"><b class="mono cut" title={inLine(chip.raw)}>{inLine(chip.raw)}</b>{remove}</span>;
  const name = isDynamic(chip.field) ? inLine(chip.field) : chip.field.toLowerCase();
  const absent = chip.values.length === 1 && chip.values[0] === null;
  const words = absent ? (chip.op === 'is' ? 'is absent' : 'exists') : opWords[chip.op];
  return (
    <span class={`chip ${(chip.op === 'not' && !absent) || chip.op === 'nre' ? 'not' : ''}`} title={inLine(textOf(chip))}>
      <span>{name} {words}</span>{absent ? <b /> : <b class="cut">{chip.values.map((v) => valueWords(chip.field, v)).join(', ')}</b>}{remove}
    </span>
  );
}

const fields = ['Severity', 'Type', 'Hostname', 'Logger', 'Pid', 'Payload', 'Uuid', 'EnvVersion', 'Fields'];

function AddFilter({ onAdd }: { onAdd: (t: Test) => void }) {
  const [kind, setKind] = useState('Hostname');
  const [name, setName] = useState('');
  const [op, setOp] = useState<Op | 'exists' | 'absent'>('is');
  const [text, setText] = useState('');
  const [asNumber, setAsNumber] = useState(false);
  const field = kind === 'Fields' ? `Fields[${name}]` : kind;
  const numeric = isNumeric(field), dynamic = kind === 'Fields';
  const ops: [Op | 'exists' | 'absent', string][] = numeric ? [['le', '≤'], ['is', 'is'], ['not', 'is not'], ['ge', '≥']] : [['is', 'is'], ['not', 'is not'], ['re', 'matches'], ['nre', 'matches not'], ...(dynamic ? [['le', '≤'], ['ge', '≥'], ['exists', 'exists'], ['absent', 'is absent']] as [Op | 'exists' | 'absent', string][] : [])];
  const chosen = ops.some(([o]) => o === op) ? op : ops[0]![0];
  const bare = chosen === 'exists' || chosen === 'absent';
  const number = numeric || (dynamic && asNumber && chosen !== 're' && chosen !== 'nre');
  const value: Value = bare ? null : kind === 'Severity' ? Number(text || '4') : number ? (text.trim() === '' ? NaN : Number(text)) : text;
  const test: Test = { field, op: bare ? (chosen === 'exists' ? 'not' : 'is') : chosen as Op, values: [value] };
  const fine = canSay(test.field, test.op, value) && (bare || number || text !== '');
  const add = (e: Event) => {
    e.preventDefault();
    if (fine) onAdd(test);
  };
  return (
    <form class="addf" onSubmit={add}>
      <select class="field" aria-label="Field" value={kind} onChange={(e) => { setKind(e.currentTarget.value); setText(''); }}>{fields.map((f) => <option key={f} value={f}>{f === 'Fields' ? 'Fields[…]' : f}</option>)}</select>
      {dynamic && <input class="field mono" aria-label="Name of the field" placeholder="name, such as traceId" value={name} onInput={(e) => setName(e.currentTarget.value)} />}
      <select class="field" aria-label="Condition" value={chosen} onChange={(e) => setOp(e.currentTarget.value as Op)}>{ops.map(([o, words]) => <option key={o} value={o}>{words}</option>)}</select>
      {kind === 'Severity'
        ? <select class="field" aria-label="Value" value={text || '4'} onChange={(e) => setText(e.currentTarget.value)}>{[0, 1, 2, 3, 4, 5, 6, 7].map((n) => <option key={n} value={n}>{n} {severityName(n)}</option>)}</select>
        : !bare && <input class="field mono" aria-label="Value" placeholder={chosen === 're' || chosen === 'nre' ? 'RE2 expression' : number ? 'number' : 'value'} value={text} onInput={(e) => setText(e.currentTarget.value)} />}
      {dynamic && !bare && chosen !== 're' && chosen !== 'nre' && <label><input type="checkbox" checked={asNumber} onChange={(e) => setAsNumber(e.currentTarget.checked)} /> as a number</label>}
      <button class="btn pri" disabled={!fine}>Add</button>
      {fine && <code class="t3 cut">{inLine(textOf(test))}</code>}
    </form>
  );
}
