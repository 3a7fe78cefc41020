import { short } from '../../core/format';
import { Panel } from '../../ui/Panel';
import { Age } from '../../ui/parts';
import { Table, type Column } from '../../ui/Table';
import type { Sender } from './senders';

// LastSeen: when each sender was last heard. now is the server's clock, seconds.
export function LastSeen({ list, now, warn, error, at }: { list: readonly Sender[]; now: number; warn: number; error: number; at: number | null }) {
  const tone = (s: Sender) => (now - s.seen > error ? 'err' : now - s.seen > warn ? 'warn' : 'ok');
  const word = { ok: 'reporting', warn: 'late', err: 'silent' };
  const fresh = list.filter((s) => tone(s) === 'ok').length;
  const columns: Column<Sender>[] = [
    { key: 'sender', title: 'Sender', cell: (s) => <span class="st"><span class={`dot ${tone(s)}`} title={word[tone(s)]} /><span class="vh">{word[tone(s)]} </span><span class="cut" title={`${s.sender} ${s.group}`}>{s.sender}{s.group && <span class="t3"> {s.group}</span>}</span></span> },
    { key: 'ip', title: 'Source', cell: (s) => <span class="mono t2">{s.ip || '–'}</span> },
    { key: 'rate', title: 'Rate', num: true, cell: (s) => (s.rate === null ? '–' : s.rate === 0 ? '0' : `${short(s.rate)}/s`) },
    { key: 'seen', title: 'Last seen', num: true, cell: (s) => <Age at={s.seen * 1000} now={(now - 1) * 1000} class={tone(s) === 'ok' ? 't2' : `${tone(s)} b`} /> },
  ];
  return (
    <Panel title="Last seen" unit="senders by last event" at={at} every={1} class="seen" actions={<span class="t3 nw" title="Heard lately, of all">{fresh} of {list.length}</span>} empty={list.length === 0 ? <p class="empty">Nobody has reported yet.</p> : null}>
      <Table caption="Last seen" columns={columns} rows={list} id={(s) => s.key} />
    </Panel>
  );
}
