// Questions below /api/v2. An error is always a Problem, ready to be shown.

export interface ProblemDocument {
  title: string;
  status: number;
  detail: string;
  parameter?: string;
  offset?: number; // where in the parameter's text
  excerpt?: string;
  expected?: string;
}

export class Problem extends Error implements ProblemDocument {
  title: string;
  status: number; // 0: no answer
  detail: string;
  parameter?: string;
  offset?: number;
  excerpt?: string;
  expected?: string;

  constructor(doc: Partial<ProblemDocument>) {
    super(doc.detail || doc.title || 'unknown error');
    this.title = doc.title || 'error';
    this.status = doc.status ?? 0;
    this.detail = doc.detail ?? '';
    if (doc.parameter !== undefined) this.parameter = doc.parameter;
    if (doc.offset !== undefined) this.offset = doc.offset;
    if (doc.excerpt !== undefined) this.excerpt = doc.excerpt;
    if (doc.expected !== undefined) this.expected = doc.expected;
  }
}

export type Params = Record<string, string | number | boolean | null | undefined | readonly (string | number)[]>;

// address of an API path with its parameters; empty ones are left out.
export function address(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== '') query.append(name, String(one));
    }
  }
  const text = query.toString();
  return new URL(`api/v2/${path}${text ? '?' + text : ''}`, document.baseURI).href;
}

export async function problemOf(answer: Response): Promise<Problem> {
  try {
    const doc = (await answer.json()) as Partial<ProblemDocument>;
    return new Problem({ ...doc, status: answer.status });
  } catch {
    return new Problem({ title: answer.statusText || `HTTP ${answer.status}`, status: answer.status, detail: `the server answered ${answer.status} without saying why` });
  }
}

export async function ask(url: string, init: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url, { cache: 'no-store', credentials: 'same-origin', ...init });
  } catch (e) {
    if ((e as Error).name === 'AbortError') throw e;
    throw new Problem({ title: 'no connection', detail: 'the dashboard server does not answer' });
  }
  if (!answer.ok) throw await problemOf(answer);
  return answer;
}

// parsed is JSON whose numbers are read with all of their digits: those beyond 2^53
// stay as they are written, in an object that JSON.stringify writes in the same way.
// The ledger's epochs are calculated with, and need not be exact.
export const parsed = (text: string): unknown => (/[[:,]-?\d{16}/.test(text) ? JSON.parse(text, whole as (key: string, value: unknown) => unknown) : JSON.parse(text));

const rawJSON = (JSON as { rawJSON?: (text: string) => unknown }).rawJSON; // browsers of before 2025 may lack it
const whole = (key: string, value: unknown, from?: { source: string }): unknown =>
  (rawJSON && from && key !== 'epoch' && Number.isInteger(value) && !Number.isSafeInteger(value) ? rawJSON(from.source) : value);

export async function get<T>(path: string, params?: Params, signal?: AbortSignal): Promise<T> {
  const answer = await ask(address(path, params), { headers: { Accept: 'application/json' }, signal: signal ?? null });
  return parsed(await answer.text()) as T;
}
