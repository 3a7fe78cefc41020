import type { ComponentChildren } from 'preact';
import { pressing, soon } from '../../core/flow';
import { bytes, count, duration, plural, short } from '../../core/format';
import type { GroupRow } from '../../core/groups';
import type { Consumers, Stream } from '../../core/types';
import { href } from '../../core/url';
import { Problem } from '../../core/api';
import { Panel } from '../../ui/Panel';
import { Empty, Meter, State } from '../../ui/parts';
import type { BlockRate, Receiver } from './stages';

export interface TopologyProps {
  receivers: readonly Receiver[];
  consumers: Consumers | null;
  groups: readonly GroupRow[]; // without members
  blocks: BlockRate;
  now: number; // unix seconds
  silentAfter: number; // seconds
  at: number | null;
}

// Topology: the way of a record, with what goes along it now.
export function Topology(p: TopologyProps) {
  const streams = p.consumers?.streams ?? [];
  const nothing = p.consumers !== null && streams.length === 0 && p.receivers.length === 0;
  return (
    <Panel
      title="Flow" unit="records per second, mean of 5 s" at={p.at} every={5} class="flow"
      problem={p.consumers?.error && streams.length === 0 ? new Problem(p.consumers.error) : null}
      empty={nothing ? <Empty title="There is nothing to draw yet">The first receiver or subscriber that starts creates the stream.</Empty> : null}
    >
      <div class="topo scroll" tabIndex={0} role="region" aria-label="Receivers, streams, groups and dead letters">
        <Column title="Receivers" class="in">
          {p.receivers.map((r) => {
            const silent = r.seen === null || p.now - r.seen > p.silentAfter;
            return <Node key={r.key} tone={silent ? 'err' : ''} name={r.sender} figure={rate(r.rate)} under={[r.ip, r.bytes !== null && `${bytes(r.bytes)}/s`, r.connections !== null && plural(r.connections, 'connection'), silent && 'silent']} />;
          })}
          {p.receivers.length === 0 && <li><div class="node none">none has reported</div></li>}
        </Column>
        <div class={`streams ${streams.length > 1 ? 'several' : ''}`}>
          {streams.map((s) => <Way key={s.name} stream={s} {...p} several={streams.length > 1} />)}
          {streams.length === 0 && <p class="t3">no stream is known</p>}
        </div>
      </div>
    </Panel>
  );
}

const rate = (v: number | null) => (v === null ? '–' : `${short(v)}/s`);

function Way({ stream: s, groups, blocks, several }: TopologyProps & { stream: Stream; several: boolean }) {
  const mine = groups.filter((g) => g.key.startsWith(`${s.name}/`));
  const full = s.max_bytes > 0;
  return (
    <div class="way">
      <Column title={several ? `Stream ${s.name}` : 'Stream'} class="mid">
        <li><div class={`node ${full && s.bytes / s.max_bytes > 0.8 ? 'warn' : ''}`}>
          <div class="name"><a href={href('consumers')} class="cut" title={s.name}>{s.name}</a><b>{blocks(s.name) === null ? '–' : short(blocks(s.name))}<small> blocks/s</small></b></div>
          <div class="under">{count(s.messages)} blocks · {bytes(s.bytes)}{full && <> of {bytes(s.max_bytes)}<Meter value={s.bytes} limit={s.max_bytes} /></>}</div>
          <div class="under">{count(s.first)} … {count(s.last)} · {plural(s.replicas, 'replica')}</div>
          {pressing(s.left_s) && <div class={`under ${pressing(s.left_s)}`}>{s.when_full === 'expire' ? 'first loss' : 'full'} {soon(s.left_s!)}{s.held_by && `, held by ${s.held_by}`}</div>}
        </div></li>
      </Column>
      <Column title="Groups" class="out">
        {mine.map((g) => {
          const bad = g.state.tone === 'warn' || g.state.tone === 'err';
          return (
            <Node
              key={g.key} tone={bad ? (g.state.tone as 'warn' | 'err') : ''} name={<a href={href('consumers', { group: g.key })} class="cut" title={g.name}>{g.name}</a>} figure={rate(g.rate)}
              under={[bad && <State tone={g.state.tone}>{g.state.text}</State>, `lag ${duration(g.lag)}`, `${count(g.pending)} pending`]}
            />
          );
        })}
        {mine.length === 0 && <li><div class="node none">nobody reads it</div></li>}
      </Column>
      <Column title="Dead letters" class="end">
        <Node
          tone={s.dead && s.dead.messages > 0 ? 'err' : ''} name={<a href={href('dead')}>{s.dead ? 'held' : 'none yet'}</a>} figure={s.dead ? count(s.dead.messages) : '–'}
          under={[s.dead ? `${bytes(s.dead.bytes)}${s.dead.max_bytes > 0 ? ` of ${bytes(s.dead.max_bytes)}` : ''}` : 'its stream is made with the first']}
        />
      </Column>
    </div>
  );
}

function Column({ title, class: c, children }: { title: string; class: string; children: ComponentChildren }) {
  return <div class={`col ${c}`}><h3>{title}</h3><ul>{children}</ul></div>;
}

function Node({ name, figure, under, tone }: { name: ComponentChildren; figure: string; under: ComponentChildren[]; tone: 'warn' | 'err' | '' }) {
  const shown = under.filter(Boolean);
  return (
    <li>
      <div class={`node ${tone}`}>
        <div class="name"><span class="cut">{name}</span><b>{figure}</b></div>
        {shown.length > 0 && <div class="under">{shown.map((u, i) => <span key={i}>{i > 0 && ' · '}{u}</span>)}</div>}
      </div>
    </li>
  );
}
