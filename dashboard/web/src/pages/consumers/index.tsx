import { useState } from 'preact/hooks';
import { Problem } from '../../core/api';
import { flows, outputs } from '../../core/flow';
import { plural } from '../../core/format';
import { groupRows } from '../../core/groups';
import { live } from '../../core/live';
import { run } from '../../core/programs';
import { useAtTick } from '../../core/tick';
import { track } from '../../core/track';
import { setParams, useParam } from '../../core/url';
import { Panel } from '../../ui/Panel';
import { Command, Empty, Pill } from '../../ui/parts';
import { Page } from '../../ui/Shell';
import type { Sort } from '../../ui/Table';
import './consumers.css';
import { StreamPanel, type Row } from './StreamPanel';

const nobody: ReadonlySet<string> = new Set();

// Who reads the streams, how far each is, and what keeps a stream from making room.
export default function Consumers() {
  const [chosen] = useParam('group');
  const [by, setBy] = useParam('sort', '-lag');
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());

  const v = useAtTick((t) => {
    const now = t.server / 1000, store = live.series;
    const consumers = live.consumers.get(), books = live.ledger.get();
    const out = outputs(store), programs = live.programs.get();
    const list = flows(books?.value ?? null, consumers?.value ?? null, out);
    const groups = new Map(list.map((f) => [f.key, f]));
    let above: Row | null = null;
    const rows = groupRows(list, store, track, out, open, now, programs).map((r): Row & { stream: string } => {
      const f = groups.get(r.key) ?? list.find((x) => r.key.startsWith(x.key + ' '));
      const row: Row & { stream: string } = { ...r, group: r.member ? null : f?.group ?? null, programs: f?.programs ?? nobody, of: r.member ? above : null, processes: r.member ? run(programs, (p) => p.source === r.source).processes : [], stream: f?.stream ?? '' };
      if (!r.member) above = row;
      return row;
    });
    const streams = consumers?.value.streams ?? [];
    const gone = [...new Set(rows.map((r) => r.stream))].filter((name) => name && !streams.some((s) => s.name === name));
    return { t, consumers, rows, streams, gone, status: live.status.get()?.value };
  }, [open]);

  const error = v.consumers?.value.error;
  const at = v.consumers?.at ?? null;
  const sort: Sort = { key: by.replace(/^-/, ''), down: by.startsWith('-') };
  const onSort = (s: Sort) => setBy(`${s.down ? '-' : ''}${s.key}`);
  const flip = (key: string) => setOpen((now) => {
    const next = new Set(now);
    if (!next.delete(key)) next.add(key);
    return next;
  });
  const troubled = v.rows.filter((r) => !r.member && (r.state.tone === 'warn' || r.state.tone === 'err'));
  const common = { at, now: v.t.server, chosen, choose: (key: string) => setParams({ group: key }), flip, sort, onSort, status: v.status };
  const none = v.consumers !== null && v.streams.length === 0 && v.gone.length === 0;
  return (
    <Page title="Consumers" class="consumers" pills={troubled.length > 0 && <Pill tone={troubled.some((r) => r.state.tone === 'err') ? 'err' : 'warn'} title={troubled.map((r) => `${r.name}: ${r.state.text}`).join(', ')}>{plural(troubled.length, 'group')} in trouble</Pill>}>
      {error && v.streams.length > 0 && <div class="note warn" role="status"><div><b>{error.title}.</b> {error.detail}</div></div>}
      {(v.consumers === null || none) && (
        <Panel
          title="Streams" at={at} every={5} problem={none && error ? new Problem(error) : null}
          empty={none ? <Empty title="There is no stream yet"><p>The first receiver or subscriber that starts creates it:</p><Command text="go run ./tcp_receiver" /></Empty> : null}
        />
      )}
      {v.streams.map((s) => <StreamPanel key={s.name} name={s.name} stream={s} rows={v.rows.filter((r) => r.stream === s.name)} {...common} />)}
      {v.gone.map((name) => <StreamPanel key={name} name={name} stream={null} rows={v.rows.filter((r) => r.stream === name)} {...common} />)}
    </Page>
  );
}
