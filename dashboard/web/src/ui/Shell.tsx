import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { badges } from '../core/badges';
import { addKey, useKey } from '../core/keys';
import { live } from '../core/live';
import { isDark, switchTheme } from '../core/settings';
import { Store, useStore } from '../core/store';
import { paused, useTick } from '../core/tick';
import { count, plural } from '../core/format';
import { clock } from '../core/time';
import { go, href, route } from '../core/url';
import { Icon, Logo, type IconName } from './icons';
import type { Help as HelpDialog } from './Help';
import { Pill } from './parts';

const places: { page: string; title: string; icon: IconName; key: string }[] = [
  { page: '', title: 'Overview', icon: 'overview', key: 'o' },
  { page: 'pipeline', title: 'Pipeline', icon: 'pipeline', key: 'p' },
  { page: 'search', title: 'Search', icon: 'search', key: 's' },
  { page: 'tail', title: 'Live tail', icon: 'tail', key: 't' },
  { page: 'dead', title: 'Dead letters', icon: 'dead', key: 'd' },
  { page: 'consumers', title: 'Consumers', icon: 'consumers', key: 'c' },
  { page: 'settings', title: 'Settings', icon: 'settings', key: ',' },
];

export const titleOf = (page: string): string => places.find((p) => p.page === page)?.title ?? '';

const help = new Store(false);

export function Shell({ children }: { children: ComponentChildren }) {
  useEffect(() => {
    const ends = places.map((p) => addKey(`g ${p.key}`, p.title, () => go(href(p.page))));
    ends.push(addKey('t', 'Switch the theme', switchTheme), addKey('?', 'All shortcuts', () => help.set(true)), addKey('Escape', 'Close, clear, or leave a field', () => (document.activeElement as HTMLElement | null)?.blur()));
    return () => ends.forEach((end) => end());
  }, []);
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus(); }}>Skip to content</a>
      <Rail />
      <div class="main">{children}</div>
      <Help />
    </>
  );
}

function Rail() {
  const { page } = useStore(route), marks = useStore(badges);
  const here = useRef<HTMLElement>(null);
  useEffect(() => here.current?.querySelector('[aria-current]')?.scrollIntoView?.({ block: 'nearest', inline: 'nearest' }), [page]); // on a narrow screen it is a strip
  return (
    <nav class="rail" aria-label="Main" ref={here}>
      <div class="brand"><Logo /><span>Lagermeister</span></div>
      {places.map((p) => {
        const badge = marks[p.page];
        return (
          <a key={p.page} href={href(p.page)} aria-current={p.page === page ? 'page' : undefined}>
            <Icon name={p.icon} /><span>{p.title}</span>
            {badge && badge.n > 0 ? <span class={`badge ${badge.tone}`}>{count(badge.n)}<span class="vh"> {badge.what}</span></span> : <kbd aria-hidden="true">g {p.key}</kbd>}
          </a>
        );
      })}
      <Foot />
    </nav>
  );
}

function Foot() {
  useTick();
  const status = live.status.get(), boot = useStore(live.boot), link = live.link.get();
  const value = link.kind === 'live' ? status?.value : undefined;
  const up = value?.nats === 'up';
  return (
    <div class="foot">
      <div><span class={`dot ${value ? (up ? 'ok' : 'warn') : ''}`} />{value ? (up ? 'NATS connected' : 'NATS unreachable') : 'NATS –'}</div>
      {value?.url && <div class="cut" title={value.url}>{value.url.replace(/^\w+:\/\//, '')}{value.version && ` · ${value.version}`}</div>}
      {boot && <div class="cut" title={boot.version}>version {boot.version}</div>}
    </div>
  );
}

// The connection in a word and a number; what is not normal also has a banner.
export function ConnectionPill() {
  const { now } = useTick();
  const link = useStore(live.link), newer = useStore(live.newVersion);
  const status = live.status.get()?.value;
  if (link.kind === 'connecting') return <Pill tone="plain" dot>Connecting…</Pill>;
  if (link.kind === 'signedout') return <Pill tone="err">Signed out <button class="link" onClick={() => location.reload()}>Sign in</button></Pill>;
  if (link.kind === 'down') {
    const wait = Math.max(0, Math.ceil((link.retryAt - Math.max(now, live.now())) / 1000));
    return <Pill tone="err">Disconnected · {wait > 0 ? `retry in ${wait} s` : 'retrying'} <button class="link" onClick={() => live.retryNow()}>Retry now</button></Pill>;
  }
  if (newer) return <Pill tone="info">New version · <button class="link" onClick={() => location.reload()}>Reload</button></Pill>;
  if (status?.nats === 'down') return <Pill tone="warn">NATS unreachable since {clock(status.since)}</Pill>;
  if (status?.js === 'down') return <Pill tone="warn">JetStream unavailable</Pill>;
  if (live.dropped > 0 && now - live.droppedAt < 60_000) return <Pill tone="warn" title="This browser or its line is too slow; the gaps are shaded">Skipping: {count(live.dropped)} events</Pill>;
  if (live.events === 0 && live.series.size === 0) return <Pill tone="ok">Connected, no events yet</Pill>;
  return <Pill tone="ok">Live · {plural(Math.round(live.rate()), 'event')}/s</Pill>;
}

// Banners tell at the top of every page what makes its figures doubtful.
function Banners() {
  const { now } = useTick();
  const link = useStore(live.link);
  const status = live.status.get()?.value;
  const list: { tone: string; text: ComponentChildren }[] = [];
  if (link.kind === 'down' && now - link.since > 1500) {
    list.push({ tone: 'err', text: <><b>Disconnected since {clock(link.since)}.</b> What you see is as of then; nothing can be changed from here until the connection is back.</> });
  }
  if (link.kind === 'live' && status?.nats === 'down') {
    list.push({ tone: 'warn', text: <><b>NATS is unreachable since {clock(status.since)}.</b> Receivers may be refusing or buffering. Nothing shown here is current.{status.url && <> Server <code>{status.url}</code>.</>}{status.err && <> {status.err}</>}</> });
  } else if (link.kind === 'live' && status?.js === 'down') {
    list.push({ tone: 'warn', text: <><b>JetStream is unavailable since {clock(status.since)}.</b> Live figures go on; accounting, consumers and dead letters stand still.{status.err && <> {status.err}</>}</> });
  }
  if (link.kind === 'live' && status?.nats === 'up' && status.js === 'up' && (status.not_ready?.length ?? 0) > 0) {
    list.push({ tone: 'warn', text: <><b>Not ready:</b> {status.not_ready!.join('; ')}</> });
  }
  return <div role="status">{list.map((b, i) => <div key={i} class={`note ${b.tone}`}><Icon name="warn" /><div>{b.text}</div></div>)}</div>;
}

export interface PageProps {
  title: string;
  pills?: ComponentChildren; // beside the title
  controls?: ComponentChildren; // right end of the top bar
  noPause?: boolean; // where nothing moves
  children: ComponentChildren;
  class?: string;
}

// Page is the top bar and the content of one page. Going to another page moves
// the focus to its heading.
export function Page({ title, pills, controls, noPause, children, class: c = '' }: PageProps) {
  const h1 = useRef<HTMLHeadingElement>(null);
  const boot = useStore(live.boot);
  useEffect(() => {
    document.title = `${title} · Lagermeister`;
    if (moved) h1.current?.focus({ preventScroll: true });
    moved = true;
  }, [title]);
  return (
    <>
      <header class="top">
        <h1 ref={h1} tabIndex={-1}>{title}</h1>
        {boot?.environment && <Pill tone="plain">{boot.environment}</Pill>}
        <span class="conn"><ConnectionPill /></span>
        {pills}
        <span class="sp" />
        {controls}
        {!noPause && <PauseButton />}
        <button class="btn ico" aria-label={`Theme: ${isDark() ? 'dark' : 'light'}, switch`} title="Theme (t)" onClick={switchTheme}><Icon name="theme" size={15} /></button>
        <button class="btn ico" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" onClick={() => help.set(true)}>?</button>
      </header>
      <main class={`body ${c}`} id="main" tabIndex={-1}><Banners />{children}</main>
    </>
  );
}
let moved = false;

function PauseButton() {
  const on = useStore(paused);
  const flip = () => paused.set(!on);
  useKey('Space', 'Pause or resume', flip);
  return <button class={`btn ${on ? 'on' : ''}`} aria-pressed={on} onClick={flip}><Icon name={on ? 'play' : 'pause'} size={13} />{on ? 'Resume' : 'Pause'}<kbd aria-hidden="true">space</kbd></button>;
}

// Help comes when it is asked for first.
function Help() {
  const open = useStore(help);
  const [Shown, setShown] = useState<typeof HelpDialog | null>(null);
  useEffect(() => {
    if (open) import('./Help').then((m) => setShown(() => m.Help), () => help.set(false)); // the server is away
  }, [open]);
  return Shown && <Shown open={open} onClose={() => help.set(false)} />;
}
