import { address, ask } from '../../core/api';

// postLines posts what changes something, and hands over each line of an NDJSON answer as it comes.
export async function postLines(path: string, body: unknown, line: (value: unknown) => void, signal?: AbortSignal): Promise<void> {
  const answer = await ask(address(path), { method: 'POST', headers: { 'Content-Type': 'application/json', Accept: 'application/x-ndjson' }, body: JSON.stringify(body), signal: signal ?? null });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? '')).split('\n');
    rest = done ? '' : lines.pop()!;
    for (const text of lines) if (text.trim()) line(JSON.parse(text));
    if (done) return;
  }
}
