import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem } from '../../core/api';
import { bytes, count, plural } from '../../core/format';
import { live } from '../../core/live';
import { useStore } from '../../core/store';
import type { Counts } from '../../core/types';
import { post } from '../../ui/change';
import { Dialog } from '../../ui/Dialog';
import { Meter, ProblemNote } from '../../ui/parts';
import { postLines } from './post';
import { CAREFUL, confirmed, line, type Step } from './model';

export interface Order {
  action: 'replay' | 'drop';
  filter: Record<string, string | string[]>; // as the API takes it
  what: string; // the same in words
}

const BODY_RATE = 50; // letters a second, unless asked for another

// Change counts first, asks, and then does it, with its progress and a way to
// stop. Letters that come after the count are not touched.
export function Change({ order, onClose }: { order: Order; onClose: (changed: boolean) => void }) {
  const { action } = order;
  const [step, setStep] = useState<Step>({ kind: 'counting' });
  const [rate, setRate] = useState(String(BODY_RATE)), [typed, setTyped] = useState('');
  const running = useRef<AbortController | null>(null), changed = useRef(false);
  const limit = useRef(order.filter);
  const connected = useStore(live.link).kind === 'live';

  useEffect(() => {
    const asking = new AbortController();
    const now = new Date(live.serverNow()).toISOString();
    if (!order.filter['subjects']) limit.current = { ...order.filter, to: order.filter['to'] && order.filter['to'] < now ? order.filter['to'] : now };
    post<Counts>(`dead/${action}`, { ...limit.current, dry_run: true }, asking.signal).then(
      (counts) => setStep({ kind: 'counted', counts }),
      (e: unknown) => e instanceof Problem && setStep({ kind: 'ended', counts: null, problem: e, stopped: false }),
    );
    return () => {
      asking.abort();
      running.current?.abort();
    };
  }, []);

  const run = async (total: number) => {
    const stop = running.current = new AbortController();
    let counts: Counts = { selected: 0, bytes: 0, done: 0, gone: 0, deaf: 0 }, problem: Problem | null = null, last = false;
    setStep({ kind: 'running', counts, total });
    changed.current = true;
    const body = { ...limit.current, ...(action === 'drop' ? { yes: true } : { rate: Math.max(0, Number(rate) || 0) }) };
    try {
      await postLines(`dead/${action}`, body, (value) => {
        const l = line(value);
        if (l && 'problem' in l) problem = l.problem;
        if (l && 'last' in l) last = l.last;
        if (l?.counts) counts = l.counts;
        setStep({ kind: 'running', counts, total });
      }, stop.signal);
      if (!last && !problem) problem = new Problem({ title: 'broken off', detail: 'the server ended its answer before the result; what it did is in the list of changes' });
    } catch (e) {
      if (!stop.signal.aborted) problem = e instanceof Problem ? e : new Problem({ title: 'broken off', detail: 'the connection to the server was lost; what it did is in the list of changes' });
    }
    running.current = null;
    setStep({ kind: 'ended', counts, problem, stopped: stop.signal.aborted });
  };
  const close = () => {
    running.current?.abort();
    onClose(changed.current);
  };
  const verb = action === 'drop' ? 'Drop' : 'Replay';

  return (
    <Dialog title={`${verb} dead letters`} open onClose={close}>
      <p><b>{order.what}</b></p>
      {action === 'drop'
        ? <p class="t2">Dropped letters are gone for good: their records are delivered nowhere, and stay counted as dead.</p>
        : <p class="t2">Each is delivered once more, by the group that refused it. A letter goes when its group has delivered it, and stays when it is refused again.</p>}
      {step.kind === 'counting' && <p role="status">Counting …</p>}
      {step.kind === 'counted' && (
        <form onSubmit={(e) => { e.preventDefault(); if (confirmed(action, step.counts.selected, typed) && connected) void run(step.counts.selected); }}>
          <p role="status"><b>{plural(step.counts.selected, 'letter')}</b>, {bytes(step.counts.bytes)}. Nothing is changed yet.</p>
          {step.counts.deaf > 0 && <p class="warn">{plural(step.counts.deaf, 'letter')} cannot be replayed: the group takes no replays. It was deleted, or its subscriber is older than that.</p>}
          {action === 'replay' && step.counts.selected > 1 && <label>Letters a second, 0 is as fast as it goes <input class="field" type="number" min={0} step="any" value={rate} onInput={(e) => setRate(e.currentTarget.value)} /></label>}
          {action === 'drop' && step.counts.selected > CAREFUL && <label>Type the number of letters to confirm <input class="field" inputMode="numeric" autocomplete="off" value={typed} onInput={(e) => setTyped(e.currentTarget.value)} placeholder={String(step.counts.selected)} /></label>}
          <div class="deadbuttons">
            <button type="button" class="btn" onClick={close}>Cancel</button>
            <button class={`btn ${action === 'drop' ? 'danger' : 'pri'}`} disabled={!connected || !confirmed(action, step.counts.selected, typed)}>{verb} {count(step.counts.selected)}{action === 'drop' ? ' for good' : ''}</button>
          </div>
        </form>
      )}
      {step.kind === 'running' && (
        <>
          <p role="status">{count(step.counts.selected)} of {count(step.total)} <Meter value={step.counts.selected} limit={step.total} warn={2} /></p>
          <div class="deadbuttons"><button class="btn" onClick={() => running.current?.abort()}>Stop</button></div>
        </>
      )}
      {step.kind === 'ended' && (
        <>
          {step.problem && <ProblemNote problem={step.problem} />}
          {step.counts && changed.current && (
            <p role="status">
              {step.stopped && <>Stopped. At least </>}<b>{plural(step.counts.done, 'letter')}</b> {action === 'drop' ? 'dropped' : 'asked to be delivered again'}
              {step.counts.gone > 0 && <>, {count(step.counts.gone)} were gone before</>}
              {step.counts.deaf > 0 && <>, {count(step.counts.deaf)} not replayed, since their group takes no replays</>}.
            </p>
          )}
          <div class="deadbuttons"><button class="btn pri" onClick={close}>Close</button></div>
        </>
      )}
    </Dialog>
  );
}
