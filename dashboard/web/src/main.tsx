import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import 'uplot/dist/uPlot.min.css';
import './app.css';
import { listen } from './core/keys';
import { live } from './core/live';
import { applyTheme, settings } from './core/settings';
import { useStore } from './core/store';
import { startTicking } from './core/tick';
import { followLinks, route } from './core/url';
import Consumers from './pages/consumers';
import Dead from './pages/dead';
import Overview from './pages/overview';
import Pipeline from './pages/pipeline';
import Search from './pages/search';
import Settings from './pages/settings';
import Tail from './pages/tail';
import { Shell } from './ui/Shell';

const pages: Record<string, () => preact.ComponentChildren> = {
  '': Overview, pipeline: Pipeline, search: Search, tail: Tail, dead: Dead, consumers: Consumers, settings: Settings,
};

function App() {
  const { page } = useStore(route);
  useStore(settings); // time zone, theme and density are read while rendering
  useEffect(applyTheme);
  const Shown = pages[page] ?? Overview;
  return <Shell><Shown key={page} /></Shell>;
}

applyTheme();
followLinks();
listen();
startTicking();
live.start();
render(<App />, document.getElementById('app')!);
