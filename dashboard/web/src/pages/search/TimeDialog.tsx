import { useState } from 'preact/hooks';
import { change as changeSettings, settings } from '../../core/settings';
import { useStore } from '../../core/store';
import { zoneName } from '../../core/time';
import { live } from '../../core/live';
import { Dialog } from '../../ui/Dialog';
import { meant, written } from '../../ui/moments';
import { Seg } from '../../ui/parts';
import { ALL, change, fixedRange, presets, rangeWords, spanOf } from './query';

// TimeDialog chooses a range: relative ones stay relative in links, others are
// two moments in the zone of the settings.
export function TimeDialog({ open, range, onClose }: { open: boolean; range: string; onClose: () => void }) {
  return <Dialog title="Time range" open={open} onClose={onClose}><Choice range={range} onClose={onClose} /></Dialog>;
}

function Choice({ range, onClose }: { range: string; onClose: () => void }) {
  const { zone } = useStore(settings);
  const now = spanOf(range === ALL ? '24h' : range, live.serverNow());
  const [from, setFrom] = useState(written(now.from!)), [to, setTo] = useState(written(now.to!));
  const a = meant(from, zone), b = meant(to, zone);
  const pick = (r: string) => {
    change({ range: r });
    onClose();
  };
  const rezone = (z: 'local' | 'utc') => {
    changeSettings({ zone: z });
    if (Number.isFinite(a)) setFrom(written(a));
    if (Number.isFinite(b)) setTo(written(b));
  };
  return (
    <form class="times" onSubmit={(e) => { e.preventDefault(); if (b > a) pick(fixedRange(a, b)); }}>
      <div class="presets" role="group" aria-label="Relative to now">{[...presets.map(([name]) => name), ALL].map((name) => <button type="button" key={name} class={`btn ${name === range ? 'on' : ''}`} aria-pressed={name === range} onClick={() => pick(name)}>{rangeWords(name)}</button>)}</div>
      <p class="t3">Relative to now, also for whoever opens the link later. Or fixed:</p>
      <div class="fixed">
        <label>From <input class="field" type="datetime-local" step="0.001" required value={from} onInput={(e) => setFrom(e.currentTarget.value)} /></label>
        <label>To <input class="field" type="datetime-local" step="0.001" required value={to} onInput={(e) => setTo(e.currentTarget.value)} /></label>
        <Seg label="Time zone" options={[['local', 'Local'], ['utc', 'UTC']] as const} value={zone} onChange={rezone} />
        <span class="t3">{zoneName(a)}</span>
      </div>
      {!(b > a) && <p class="err">The end must be after the beginning.</p>}
      <div><button class="btn pri" disabled={!(b > a)}>Use these times</button></div>
    </form>
  );
}
