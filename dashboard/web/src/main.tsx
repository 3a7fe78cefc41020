import { render, type ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import './app.css';
import { listen } from './core/keys';
import { live } from './core/live';
import { startBadges } from './core/badges';
import { watchDead } from './core/dead';
import { applyTheme, settings } from './core/settings';
import { Store, useStore } from './core/store';
import { startTicking } from './core/tick';
import { startTracking } from './core/track';
import { followLinks, route } from './core/url';
import { Empty } from './ui/parts';
import { Page, Shell, titleOf } from './ui/Shell';

type Shown = () => ComponentChildren;

// Pages come when they are needed, so that the first one is there soon; the rest
// is fetched when the browser has nothing else to do, before an update of the
// server could replace it.
const pages: Record<string, () => Promise<{ default: Shown }>> = {
  '': () => import('./pages/overview'),
  pipeline: () => import('./pages/pipeline'),
  search: () => import('./pages/search'),
  tail: () => import('./pages/tail'),
  dead: () => import('./pages/dead'),
  consumers: () => import('./pages/consumers'),
  settings: () => import('./pages/settings'),
};
const here = new Store<Record<string, Shown>>({});
const failed = new Store<string | null>(null); // '' is the Overview

async function fetchPage(name: string): Promise<void> {
  try {
    const { default: page } = await pages[name]!();
    here.set({ ...here.get(), [name]: page });
  } catch {
    failed.set(name);
  }
}

function App() {
  const { page } = useStore(route);
  useStore(settings); // time zone, theme and density are read while rendering
  useEffect(applyTheme);
  const name = page in pages ? page : '';
  const Shown = useStore(here)[name];
  const lost = useStore(failed) === name;
  useEffect(() => {
    const want = () => {
      if (!(name in here.get())) void fetchPage(name);
    };
    want();
    return live.link.on((l) => l.kind === 'live' && want()); // the server was away, perhaps
  }, [name]);
  return (
    <Shell>
      {Shown ? <Shown key={name} /> : lost ? <Page title={titleOf(name)} noPause><Empty title="This page could not be loaded"><p>The server is away, or has a newer version by now.</p><button class="btn" onClick={() => location.reload()}>Reload</button></Empty></Page> : null}
    </Shell>
  );
}

applyTheme();
followLinks();
listen();
startTicking();
startTracking();
startBadges();
watchDead();
live.start();
void import('./ui/focus').catch(() => {}); // nothing waits for it, and all else works without
render(<App />, document.getElementById('app')!);
setTimeout(() => Object.keys(pages).forEach((name) => void fetchPage(name)), 4000);
