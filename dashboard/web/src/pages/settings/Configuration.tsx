import { useEffect, useMemo, useState } from 'preact/hooks';
import { Problem, get } from '../../core/api';
import { plural } from '../../core/format';
import { live } from '../../core/live';
import { useStore } from '../../core/store';
import { visible } from '../../core/text';
import { Panel } from '../../ui/Panel';
import { Copy, Empty, Seg } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';
import { chosen, lines, type Setting } from './variables';

interface Answer {
  program: string;
  settings: Setting[];
}

// useConfiguration asks for it, and again when the connection has come back: the
// program may have been started with another one.
function useConfiguration(wanted: boolean) {
  const [state, set] = useState<{ value: Answer | null; at: number | null; problem: Problem | null }>({ value: null, at: null, problem: null });
  const [tries, setTries] = useState(0);
  const link = useStore(live.link), since = link.kind === 'live' ? link.since : null;
  useEffect(() => {
    if (!wanted || since === null) return;
    const stop = new AbortController();
    get<Answer>('settings', {}, stop.signal).then(
      (value) => set({ value, at: live.now(), problem: null }),
      (e: unknown) => {
        if (e instanceof Problem) set((s) => ({ ...s, problem: e }));
        else if (!stop.signal.aborted) throw e;
      },
    );
    return () => stop.abort();
  }, [wanted, since, tries]);
  return { ...state, connected: since !== null, again: () => setTries((n) => n + 1) };
}

const columns: Column<Setting>[] = [
  { key: 'name', title: 'Variable', cell: (s) => <><code>{s.name}</code>{s.changed && <> <span class="badge">set</span></>}</> },
  { key: 'value', title: 'Value', cell: (s) => <Value s={s} /> },
  { key: 'default', title: 'Default', cell: (s) => s.default && <code>{visible(s.default)}</code> },
  { key: 'meaning', title: 'Meaning', cell: (s) => <span class="t2">{s.description}</span> },
];

function Value({ s }: { s: Setting }) {
  if (!s.changed && !s.value) return <span class="t3">not set</span>;
  if (s.secret) return <span class="t3">secret</span>;
  if (!s.value) return <span class="t3">empty</span>;
  return <><code>{visible(s.value)}</code>{s.masked && <span class="t3"> · masked</span>}</>;
}

// Configuration is what the program that answers runs with.
export function Configuration() {
  const boot = useStore(live.boot), viewer = boot?.role === 'viewer';
  const { value, at, problem, connected, again } = useConfiguration(boot !== null && !viewer);
  const [name, setName] = useState(''), [only, setOnly] = useState<'all' | 'set'>('all');
  const all = value?.settings ?? [];
  const rows = useMemo(() => chosen(all, name, only === 'set'), [value, name, only]);
  const set = all.filter((s) => s.changed).length;
  return (
    <Panel
      title="Configuration" class="conf" unit={value ? `of ${value.program}, ${plural(all.length, 'variable')}, ${set} set` : 'of the dashboard server'}
      at={at} every={connected ? undefined : 0} problem={problem} retry={again}
      empty={viewer && (
        <Empty title="For operators only">
          You are here as a viewer, and settings name hosts, files and addresses. Sign in with the token in <code>PROXY_OPERATOR_TOKEN</code> to see them.
        </Empty>
      )}
      actions={value && <Copy small text={() => lines(rows)}>Copy what is set</Copy>}
    >
      <div class="line">
        <label>Name <input class="field mono" type="search" value={name} onInput={(e) => setName(e.currentTarget.value)} placeholder="such as NATS" spellcheck={false} autocomplete="off" autocapitalize="off" /></label>
        <span class="vh" role="status">{value && `${plural(rows.length, 'variable')} shown`}</span>
        <Seg label="Which variables" options={[['all', 'All'], ['set', 'Only what is set']] as const} value={only} onChange={setOnly} />
      </div>
      {rows.length > 0
        ? <Table caption="Configuration" columns={columns} rows={rows} id={(s) => s.name} rowClass={(s) => (s.changed ? 'g' : '')} />
        : <Empty title={name || set > 0 ? 'No variable matches' : 'Nothing is set: every variable has its default'} />}
    </Panel>
  );
}
