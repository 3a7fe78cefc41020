import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { inLine } from '../../core/record';
import { visible } from '../../core/text';
import { setParams } from '../../core/url';
import type { Feed } from './feed';
import { where } from './show';

const CHECK = 300; // ms without a keystroke before the server is asked

const presets = [['', 'All records'], ['Severity <= 3', 'Errors and worse'], ['Severity <= 4', 'Warnings and worse'], ['Severity <= 6', 'All but debug']] as const;

// Filter is what the tail shows: a match spec and words, asked for while they are
// typed. One that does not parse leaves the one before running, and says why.
export function Filter({ feed, q, text, input }: { feed: Feed; q: string; text: string; input: RefObject<HTMLInputElement | null> }) {
  const [spec, setSpec] = useState(q), [words, setWords] = useState(text);
  useEffect(() => {
    setSpec(q);
    setWords(text);
  }, [q, text]); // also by Back
  const pending = spec.trim() !== q || words.trim() !== text;
  const ask = () => setParams({ q: spec.trim(), text: words.trim() });
  useEffect(() => {
    if (!pending) return;
    const timer = setTimeout(ask, CHECK);
    return () => clearTimeout(timer);
  }, [spec, words]);
  const preset = presets.some(([p]) => p === q) ? q : 'own';
  return (
    <form class="card tailform" onSubmit={(e) => { e.preventDefault(); ask(); }}>
      <div class="tailfields">
        <label class="grow">Match spec
          <input ref={input} class="field mono" value={spec} onInput={(e) => setSpec(e.currentTarget.value)} placeholder="all records; such as Severity <= 4 && Hostname =~ /^web-/" spellcheck={false} autocomplete="off" autocapitalize="off" aria-invalid={feed.refusal?.title === 'match spec'} aria-describedby="tail-check" maxLength={2048} />
        </label>
        <label>Words
          <input class="field" value={words} onInput={(e) => setWords(e.currentTarget.value)} placeholder="all of these words" autocomplete="off" aria-invalid={feed.refusal?.title === 'words'} maxLength={1000} />
        </label>
        <label class="preset">Preset
          <select class="field" value={preset} onChange={(e) => setParams({ q: e.currentTarget.value }, false)}>
            {presets.map(([p, name]) => <option key={p} value={p}>{name}</option>)}
            {preset === 'own' && <option value="own" disabled>as written</option>}
          </select>
        </label>
      </div>
      <Check feed={feed} pending={pending} />
    </form>
  );
}

function Check({ feed, pending }: { feed: Feed; pending: boolean }) {
  const bad = feed.refusal;
  if (!bad || pending) {
    return <p id="tail-check" class="tailcheck" role="status">{pending || !feed.checked ? <span class="t3">checking …</span> : <span class="ok">✓ {feed.running?.q ? 'valid' : 'all records'}</span>}</p>;
  }
  const [before, at, after] = where(bad.filter.q, bad.offset ?? 0);
  return (
    <div id="tail-check" class="tailcheck" role="status">
      {bad.offset !== undefined && <pre class="mono" aria-hidden="true">{visible(before)}<mark>{visible(at) || ' '}</mark>{visible(after)}</pre>}
      <p class="err">{bad.title}{bad.offset !== undefined && ` at ${bad.offset}`}: {visible(bad.detail)}{bad.expected && `; expected ${bad.expected}`}</p>
      {feed.running && <p class="t2">Still showing: <code>{inLine(feed.running.q) || 'all records'}</code>{feed.running.text && <> with <code>{inLine(feed.running.text)}</code></>}</p>}
    </div>
  );
}
