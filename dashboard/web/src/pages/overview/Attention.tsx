import { useState } from 'preact/hooks';
import { change, settings } from '../../core/settings';
import { useStore } from '../../core/store';
import { clockMinutes, exact } from '../../core/time';
import { plural } from '../../core/format';
import { href } from '../../core/url';
import { Icon } from '../../ui/icons';
import type { Item } from './rules';

const SHOWN = 3;

// The verdict: what needs attention, or nothing at all. Muted things stay away
// for an hour, but that there are some is said.
export function Attention({ items, now }: { items: readonly Item[]; now: number }) {
  const { muted } = useStore(settings);
  const [all, setAll] = useState(false);
  const loud = items.filter((i) => (muted[i.id] ?? 0) <= now);
  const quiet = items.length - loud.length;
  const mute = () => {
    const kept = Object.fromEntries(Object.entries(muted).filter(([, until]) => until > now));
    change({ muted: { ...kept, ...Object.fromEntries(loud.map((i) => [i.id, now + 3600_000])) } });
  };
  const shown = all ? loud : loud.slice(0, SHOWN);
  const worst = loud.some((i) => i.tone === 'err') ? 'err' : 'warn';
  return (
    <div role="status" class="attention">
      {loud.length > 0 && (
        <div class={`att ${worst}`}>
          <Icon name="warn" />
          <b>{plural(loud.length, 'thing needs', 'things need')} attention</b>
          <ul>
            {shown.map((i) => (
              <li key={i.id}>
                <a href={href(i.page, i.params)}>{i.what}</a> {i.text}
                {i.since !== null && i.id.startsWith('lag') && <span title={exact(i.since * 1000)}> since {clockMinutes(i.since * 1000)}</span>}
              </li>
            ))}
            {loud.length > SHOWN && <li><button class="link" onClick={() => setAll(!all)}>{all ? 'fewer' : `${loud.length - SHOWN} more`}</button></li>}
          </ul>
          <span class="sp" />
          <button class="btn sm" onClick={mute}>Mute 1 h</button>
        </div>
      )}
      {quiet > 0 && <p class="t3 quietly">{plural(quiet, 'thing')} muted · <button class="link" onClick={() => change({ muted: {} })}>show again</button></p>}
    </div>
  );
}
