import { count } from '../../core/format';
import { parse } from '../../core/time';
import type { Audit } from '../../core/types';
import type { Asked } from '../../ui/asked';
import { Panel } from '../../ui/Panel';
import { Empty, State, Time } from '../../ui/parts';
import { Table } from '../../ui/Table';
import { runs, stopped, told } from './model';

// Changes are who replayed and dropped what, from the audit stream.
export function Changes({ audit, every, server }: { audit: Asked<{ entries: Audit[] }>; every: number; server: number }) {
  const list = audit.value && runs(audit.value.entries);
  return (
    <Panel
      title="Changes" unit="who replayed or dropped what, newest first" class="deadpanel" at={audit.at} every={every} problem={audit.value ? null : audit.problem} retry={audit.again}
      empty={list?.length === 0 ? <Empty title="Nothing was ever replayed or dropped" /> : null}
    >
      {list && <Table caption="Changes" rows={list} id={(a) => a.run} columns={[
        { key: 'time', title: 'When', cell: (a) => <Time at={parse(a.began)} now={server} /> },
        { key: 'action', title: 'Action', cell: (a) => a.action },
        { key: 'state', title: 'State', cell: (a) => <State tone={stopped(a) || a.state === 'begun' ? 'warn' : a.state === 'failed' ? 'err' : 'ok'}>{stopped(a) ? 'stopped' : a.state === 'begun' ? 'under way or broken off' : a.state}</State> },
        { key: 'done', title: 'Done', num: true, cell: (a) => (a.counts && a.action !== 'window' ? `${count(a.counts.done)} of ${count(a.counts.selected)}` : '–') },
        { key: 'what', title: 'Of', class: 'what narrow', cell: (a) => <>{a.stream}: <span class="t2">{told(a.filter)}</span>{a.error && !stopped(a) && <span class="err"> · {a.error}</span>}</> },
        { key: 'who', title: 'Who', class: 'narrow', cell: (a) => a.who },
      ]} />}
    </Panel>
  );
}
