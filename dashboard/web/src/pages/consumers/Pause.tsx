import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem } from '../../core/api';
import { duration, plural, short } from '../../core/format';
import { minute, parse } from '../../core/time';
import type { Audit, Group, Status, Stream } from '../../core/types';
import { useAsked } from '../../ui/asked';
import { post, useForbidden } from '../../ui/change';
import { Dialog } from '../../ui/Dialog';
import { growth } from '../../ui/growth';
import { Icon } from '../../ui/icons';
import { Command, ProblemNote, Seg, Time } from '../../ui/parts';
import { fills, lastPause, lengths, type Length } from './pausing';
import { pauseCommand, resumeCommand } from './rows';

interface Props {
  s: Stream;
  g: Group;
  pending: number | null; // records
  now: number; // unix ms of the server
  status: Status | undefined;
}

// Pause is what an operator can do to a group, and what was done last.
export function Pause(p: Props) {
  const { s, g } = p;
  const why = useForbidden('pause and resume groups; the nats tool can, too');
  const [asking, setAsking] = useState(false), [busy, setBusy] = useState(false), [problem, setProblem] = useState<Problem | null>(null);
  const audit = useAsked<{ entries: Audit[] }>('dead/audit', { limit: 100 });
  const seen = useRef(g.paused_until);
  useEffect(() => {
    if (seen.current === g.paused_until) return;
    seen.current = g.paused_until;
    setBusy(false);
    audit.again();
  }, [g.paused_until]);
  const resume = () => {
    setBusy(true);
    setProblem(null);
    post('consumers/resume', { stream: s.name, group: g.name }).catch((e: unknown) => {
      setBusy(false);
      if (!(e instanceof Problem)) throw e;
      setProblem(e);
    });
  };
  return (
    <div class="pause">
      <Told audit={audit.value?.entries ?? []} {...p} />
      <div class="acts">
        {g.paused && <button class="btn pri" disabled={why !== null || busy} title={why ?? undefined} onClick={resume}>{busy ? 'Resuming …' : 'Resume'}</button>}
        <button class="btn" disabled={why !== null} title={why ?? undefined} onClick={() => setAsking(true)}>{g.paused ? 'Change the end…' : 'Pause…'}</button>
        {why && <span class="t2"><Icon name="info" size={13} /> {why}</span>}
      </div>
      {problem && <ProblemNote problem={problem} />}
      {g.paused && <div class="same"><span class="t3">The same at a terminal</span><Command text={resumeCommand(s.name, g.name, p.status)} /></div>}
      {asking && <Asking {...p} why={why} onClose={() => setAsking(false)} />}
    </div>
  );
}

// Told is by whom, as far as it is on record: others have the nats tool.
function Told({ audit, s, g, now }: Props & { audit: readonly Audit[] }) {
  const last = lastPause(audit, s.name, g.name);
  const until = parse(g.paused_until);
  if (g.paused && (!last || last.resume || last.until !== until)) return <p>Paused until <Time at={until} now={now} />; by whom is not on record here.</p>;
  if (!last) return null;
  return (
    <p class={g.paused ? undefined : 't3'}>
      {g.paused ? 'Paused' : 'Last paused'} by {last.pause.who} at <Time at={parse(last.pause.time)} now={now} />, until <Time at={last.until} now={now} />
      {last.resume && <>; resumed by {last.resume.who} at <Time at={parse(last.resume.time)} now={now} /></>}.
    </p>
  );
}

// Asking says what a pause would do, with the figures of this moment, before it is one.
export function Asking({ s, g, pending, now, status, why, onClose }: Props & { why: string | null; onClose: () => void }) {
  const [length, setLength] = useState<Length>('3600');
  const [step, setStep] = useState<'asking' | 'busy' | number>('asking'); // a number: paused until, unix ms
  const [problem, setProblem] = useState<Problem | null>(null);
  const chosen = lengths.find(([seconds]) => seconds === length)!;
  const end = now + Number(length) * 1000;
  const pause = () => {
    setStep('busy');
    setProblem(null);
    post<{ paused_until: string }>('consumers/pause', { stream: s.name, group: g.name, seconds: Number(length) }).then(
      (answer) => setStep(Date.parse(answer.paused_until)),
      (e: unknown) => {
        setStep('asking');
        if (!(e instanceof Problem)) throw e;
        setProblem(e);
      },
    );
  };
  return (
    <Dialog title={`Pause ${g.name}`} open onClose={onClose}>
      {typeof step === 'number' ? (
        <>
          <p role="status"><b>{g.name}</b> is paused until <Time at={step} now={now} class="b" />. It goes on by itself then, or when somebody resumes it.</p>
          <div class="acts end"><button class="btn pri" onClick={onClose}>Close</button></div>
        </>
      ) : (
        <form onSubmit={(e) => { e.preventDefault(); if (why === null && step !== 'busy') pause(); }}>
          <Seg label="For how long" options={lengths.map(([seconds, words]) => [seconds, words] as const)} value={length} onChange={setLength} />
          <p>Nothing is delivered to this group until <b>{minute(end, now)}</b>. Then it goes on by itself, where it stopped. What is on its way is finished first; replays of its dead letters go on.</p>
          <p><b>{pending === null ? plural(g.pending, 'block') : plural(pending, 'record')}</b> pending now{pending !== null && <>, in {plural(g.pending + g.unacked, 'block')}</>}. What is stored from now on waits, too.</p>
          <Filling s={s} g={g} seconds={Number(length)} rate={growth.rate(s.name, now)} />
          <div><span class="t3">The same at a terminal</span><Command text={pauseCommand(s.name, g.name, chosen[2], status)} /></div>
          {problem && <ProblemNote problem={problem} />}
          {why && <p class="warn">{why}</p>}
          <div class="acts end">
            <button type="button" class="btn" onClick={onClose}>Cancel</button>
            <button class="btn pri" disabled={why !== null || step === 'busy'}>Pause for {chosen[1]}</button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

// Filling is what becomes of the stream meanwhile.
export function Filling({ s, g, seconds, rate }: { s: Stream; g: Group; seconds: number; rate: number | null }) {
  const left = fills(s, g, rate), expires = s.when_full === 'expire';
  const then = expires ? `its oldest records are removed: they are lost to ${g.name}` : 'receivers refuse new records';
  if (s.max_bytes <= 0) return <p>{s.name} has no limit: it grows.</p>;
  if (left === null) return <p>How fast {s.name} fills is not known yet. When it is full, <span class={expires ? 'err' : undefined}>{then}</span>.</p>;
  if (left === Infinity) return <p>Nothing is stored in {s.name} at present, so it does not fill. When it is full, {then}.</p>;
  if (left > seconds) return <p>At the present rate{rate !== null && ` of ${short(rate)} blocks/s`} {s.name} would be full in <b>{duration(left)}</b>, after the end of the pause. When it is full, {then}.</p>;
  return <p class={expires ? 'err b' : 'warn b'}>{left === 0 ? `${s.name} is full already` : `At the present rate ${s.name} is full in ${duration(left)}, before the pause ends`}: then {then}.</p>;
}
