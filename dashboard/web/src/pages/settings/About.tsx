import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Problem, get } from '../../core/api';
import { count, duration, millis, plural, short } from '../../core/format';
import { live } from '../../core/live';
import { paused, useAtTick } from '../../core/tick';
import { useStore } from '../../core/store';
import { moment } from '../../core/time';
import type { Tone } from '../../core/types';
import { Panel } from '../../ui/Panel';
import { Copy, ProblemNote, State } from '../../ui/parts';

const Fact = ({ name, children }: { name: string; children: ComponentChildren }) => <div><dt>{name}</dt><dd>{children}</dd></div>;

// About: what answers, and what it lets us do.
export function About() {
  const boot = useStore(live.boot), newer = useStore(live.newVersion), nats = useStore(live.status)?.value.version;
  const stores = { embedded: 'embedded search store', elasticsearch: 'Elasticsearch', none: 'none' };
  const text = boot && `lagermeister ${boot.version}, page ${boot.ui}, NATS ${nats || '–'}, ${boot.role}, store ${boot.store.kind}, ${navigator.userAgent}`;
  return (
    <Panel title="About" unit="the dashboard server" at={boot ? undefined : null} actions={text && <Copy small text={text}>Copy</Copy>}>
      {boot && (
        <dl class="pairs">
          <Fact name="Server">{boot.version}</Fact>
          <Fact name="Page"><code>{boot.ui || '–'}</code>{newer && <> · <span class="warn">the server has a newer one</span></>}</Fact>
          <Fact name="Environment">{boot.environment || '–'}</Fact>
          <Fact name="You are">{boot.role}{boot.read_only ? ', may only look' : ', may replay and drop dead letters, and pause groups'}</Fact>
          <Fact name="Search store">{stores[boot.store.kind] ?? boot.store.kind}{boot.store.detail && <> · <span class="t2">{boot.store.detail}</span></>}</Fact>
          <Fact name="Events on"><code>{boot.subject || '–'}</code></Fact>
          <Fact name="History">{duration(boot.history.fine_s)} by the second, {duration(boot.history.coarse_s)} by 10 s, since {moment(boot.history.began, Date.now())}</Fact>
        </dl>
      )}
    </Panel>
  );
}

const WAIT = 10_000; // ms between two measurements

// usePing measures how long the server takes to answer a small question.
function usePing(): { ms: number | null; at: number; problem: Problem | null } {
  const [state, set] = useState<{ ms: number | null; at: number; problem: Problem | null }>({ ms: null, at: 0, problem: null });
  useEffect(() => {
    const stop = new AbortController();
    const ask = async () => {
      if (document.hidden || paused.get()) return;
      const begin = performance.now();
      try {
        await get('status', {}, stop.signal);
        set({ ms: performance.now() - begin, at: Date.now(), problem: null });
      } catch (e) {
        if (e instanceof Problem) set({ ms: null, at: Date.now(), problem: e });
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), WAIT);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, []);
  return state;
}

// Connection: what is known of the way to the server and from it to NATS.
export function Connection() {
  const ping = usePing();
  const v = useAtTick((t) => ({
    now: t.now, link: live.link.get(), status: live.status.get(), rate: live.rate(), events: live.events, reconnects: live.reconnects, dropped: live.dropped,
    series: live.series.size, refused: live.series.refused, skew: live.skew, frameAt: live.frameAt, history: live.historyError.get(),
    ages: { ledger: live.ledger.get()?.at ?? null, consumers: live.consumers.get()?.at ?? null },
  }), []);
  const on = v.link.kind === 'live';
  const words: Record<string, [Tone, string]> = { connecting: ['plain', 'connecting'], live: ['ok', 'connected'], down: ['err', 'disconnected'], signedout: ['err', 'signed out'] };
  const [tone, word] = words[v.link.kind]!;
  const s = on ? v.status?.value : undefined;
  const ago = (at: number | null) => (at === null || at === 0 ? '–' : `${duration((v.now - at) / 1000)} ago`);
  return (
    <Panel title="Connection" unit="since this page was opened">
      <dl class="pairs">
        <Fact name="Dashboard server"><State tone={tone}>{word}</State>{v.link.kind === 'live' && <> since {moment(v.link.since, v.now)}</>}{v.link.kind === 'down' && <> since {moment(v.link.since, v.now)}</>}</Fact>
        <Fact name="NATS">{s ? <State tone={s.nats === 'up' ? 'ok' : 'warn'}>{s.nats === 'up' ? 'connected' : 'unreachable'}</State> : '–'}{s?.version && <> · version {s.version}</>}{s?.url && <> · <code>{s.url}</code></>}{s?.err && <> · {s.err}</>}</Fact>
        <Fact name="JetStream">{s ? <State tone={s.js === 'up' ? 'ok' : 'warn'}>{s.js === 'up' ? 'answers' : 'does not answer'}</State> : '–'}</Fact>
        <Fact name="Answer time">{ping.problem ? <span class="err">{ping.problem.title}</span> : millis(ping.ms)}{ping.at > 0 && <span class="t3"> · {ago(ping.at)}</span>}</Fact>
        <Fact name="Events">{on ? `${short(v.rate)}/s` : '–'} · {plural(v.events, 'value')} in all · {count(v.series)} series</Fact>
        <Fact name="Last frame">{ago(v.frameAt)}</Fact>
        <Fact name="Ledger, consumers">{ago(v.ages.ledger)}, {ago(v.ages.consumers)}</Fact>
        <Fact name="Reconnected">{v.reconnects === 1 ? 'once' : `${count(v.reconnects)} times`}</Fact>
        <Fact name="Left out by the server"><span class={v.dropped > 0 ? 'warn b' : ''}>{plural(v.dropped, 'value')}</span></Fact>
        {v.refused > 0 && <Fact name="Not taken by the page"><span class="warn b">{plural(v.refused, 'value')}</span> of more than 1,000 series, or from the future</Fact>}
        <Fact name="Clock">{!on ? '–' : Math.abs(v.skew) < 1000 ? 'as the server’s' : <span class="warn">{duration(Math.abs(v.skew) / 1000)} {v.skew > 0 ? 'behind' : 'ahead of'} the server’s</span>}</Fact>
        {v.history && <Fact name="History"><span class="err">{v.history.title}</span></Fact>}
      </dl>
    </Panel>
  );
}

// Licences of what is built into the page; fetched when somebody opens them.
export function Licences() {
  const [text, setText] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = async () => {
    if (text !== null) return;
    setProblem(null);
    try {
      const answer = await fetch(new URL('LICENSES.txt', document.baseURI), { credentials: 'same-origin' });
      if (!answer.ok || (answer.headers.get('content-type') ?? '').includes('html')) throw new Problem({ title: 'no licences', status: answer.status, detail: `the server answered ${answer.status} for LICENSES.txt` });
      setText(await answer.text());
    } catch (e) {
      setProblem(e instanceof Problem ? e : new Problem({ title: 'no connection', detail: 'the dashboard server does not answer' }));
    }
  };
  return (
    <section class="card">
      <details class="licences" onToggle={(e) => (e.currentTarget as HTMLDetailsElement).open && void load()}>
        <summary><h2>Licences</h2> <span class="t3">of what others wrote, in this page</span></summary>
        {problem ? <ProblemNote problem={problem} retry={() => void load()} /> : text === null ? <p class="t3 foot-note">Loading…</p> : <pre tabIndex={0} aria-label="Licences">{text}</pre>}
      </details>
    </section>
  );
}
