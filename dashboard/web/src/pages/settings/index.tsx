import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import { shortcuts } from '../../core/keys';
import { change, defaults, settings } from '../../core/settings';
import { useStore } from '../../core/store';
import { zoneName } from '../../core/time';
import { Icon } from '../../ui/icons';
import { Panel } from '../../ui/Panel';
import { Copy, Seg } from '../../ui/parts';
import { Page } from '../../ui/Shell';
import { live } from '../../core/live';
import { save } from '../../core/file';
import { About, Connection, Licences } from './About';
import { Configuration } from './Configuration';
import './settings.css';
import { read, ROWS, write } from './transfer';

// What this browser likes, and what is at the other end.
export default function SettingsPage() {
  return (
    <Page title="Settings" class="settings">
      <div class="sides">
        <div class="side"><Display /><Thresholds /><Transfer /></div>
        <div class="side"><About /><Connection /><Keys /></div>
      </div>
      <Configuration />
      <Licences />
    </Page>
  );
}

function Line({ name, note, children }: { name: string; note?: ComponentChildren; children: ComponentChildren }) {
  return <div class="line"><div><div>{name}</div>{note && <p class="t3">{note}</p>}</div>{children}</div>;
}

function Display() {
  const s = useStore(settings);
  return (
    <Panel title="Display" unit="kept in this browser">
      <Line name="Theme"><Seg label="Theme" options={[['system', 'System'], ['light', 'Light'], ['dark', 'Dark']] as const} value={s.theme} onChange={(theme) => change({ theme })} /></Line>
      <Line name="Density"><Seg label="Density" options={[['normal', 'Normal'], ['compact', 'Compact']] as const} value={s.density} onChange={(density) => change({ density })} /></Line>
      <Line name="Time zone" note={`Times are shown in ${zoneName()}`}><Seg label="Time zone" options={[['local', 'Local'], ['utc', 'UTC']] as const} value={s.zone} onChange={(zone) => change({ zone })} /></Line>
      <Line name="Rows of the live tail" note="The oldest go when there are more"><Seg label="Rows of the live tail" options={ROWS.map((n) => [String(n), n.toLocaleString('en-US')] as const)} value={String(s.rows)} onChange={(n) => change({ rows: Number(n) })} /></Line>
      <Line name="Single-key shortcuts" note="Off, for speech input and the like"><Seg label="Single-key shortcuts" options={[['on', 'On'], ['off', 'Off']] as const} value={s.shortcuts ? 'on' : 'off'} onChange={(on) => change({ shortcuts: on === 'on' })} /></Line>
    </Panel>
  );
}

function Thresholds() {
  const s = useStore(settings), boot = useStore(live.boot);
  const warn = s.seenWarn ?? boot?.thresholds.seen_warn_s ?? null, error = s.seenError ?? boot?.thresholds.seen_error_s ?? null;
  const wrong = warn !== null && error !== null && warn > error;
  return (
    <Panel title="Thresholds" unit="seconds since a sender was last heard">
      <Seconds name="Late after" value={s.seenWarn} server={boot?.thresholds.seen_warn_s} set={(seenWarn) => change({ seenWarn })} />
      <Seconds name="Silent after" value={s.seenError} server={boot?.thresholds.seen_error_s} set={(seenError) => change({ seenError })} />
      {wrong && <p class="note warn"><Icon name="warn" />A sender would be silent before it is late.</p>}
      <p class="t3 foot-note">Thresholds of the lag travel with the data; each output sets its own.</p>
    </Panel>
  );
}

function Seconds({ name, value, server, set }: { name: string; value: number | null; server: number | undefined; set: (v: number | null) => void }) {
  const id = useId();
  const input = (text: string) => {
    const n = Number(text);
    if (text.trim() === '') set(null);
    else if (Number.isInteger(n) && n >= 1 && n <= 86400) set(n);
  };
  return (
    <div class="line">
      <label for={id}>{name}</label>
      <span class="field-unit"><input id={id} class="field num" type="number" min={1} max={86400} step={1} value={value ?? ''} placeholder={server === undefined ? '–' : String(server)} onChange={(e) => input(e.currentTarget.value)} /><span class="t3">s</span>
        <button class="btn sm" disabled={value === null} onClick={() => set(null)}>As the server says</button></span>
    </div>
  );
}

function Transfer() {
  const s = useStore(settings);
  const [said, setSaid] = useState<{ tone: string; text: string } | null>(null);
  const id = useId();
  const take = (text: string) => {
    const r = read(text);
    if (r.error) return setSaid({ tone: 'err', text: `Nothing was changed: ${r.error}` });
    change(r.taken);
    const n = Object.keys(r.taken).length;
    setSaid({ tone: r.ignored.length ? 'warn' : '', text: `${n === 1 ? '1 setting' : `${n} settings`} taken${r.ignored.length ? `; not known or not valid, left as they were: ${r.ignored.slice(0, 10).join(', ')}` : ''}` });
  };
  const file = async (input: HTMLInputElement) => {
    const one = input.files?.[0];
    if (!one) return;
    if (one.size > 1e6) setSaid({ tone: 'err', text: 'Nothing was changed: the file is over 1 MB' });
    else take(await one.text());
    input.value = '';
  };
  return (
    <Panel title="Take them along" unit="JSON">
      <div class="buttons">
        <button class="btn" onClick={() => save('lagermeister-settings.json', 'application/json', write(s))}><Icon name="download" size={13} />Export</button>
        <label class="btn" for={id}>Import…</label>
        <input id={id} class="vh" type="file" accept="application/json,.json" onChange={(e) => void file(e.currentTarget)} />
        <Copy text={() => write(settings.get())}>Copy JSON</Copy>
        <span class="sp" />
        <button class="btn" onClick={() => { change(defaults); setSaid({ tone: '', text: 'All settings are the default again' }); }}>Defaults</button>
      </div>
      <div role="status">{said && <p class={`note ${said.tone}`}>{said.text}</p>}</div>
    </Panel>
  );
}

function Keys() {
  const { shortcuts: on } = useStore(settings);
  const list = [...new Map(shortcuts().map((k) => [k.keys, k.what]))];
  return (
    <Panel title="Shortcuts" unit={on ? 'each page adds its own; ? lists them there' : 'switched off'}>
      <dl class={`keys ${on ? '' : 'off'}`}>{list.map(([keys, what]) => <div key={keys}><dt>{keys.split(' ').map((k) => <kbd key={k}>{k}</kbd>)}</dt><dd>{what}</dd></div>)}</dl>
    </Panel>
  );
}
