import { address, ask } from '../core/api';
import { live } from '../core/live';
import { useStore } from '../core/store';

// What pages need that change something.

// why nothing can be changed from here; null when it can. what is what operators
// may do, and with what else it can be done; lost what has to be there and is not.
export function forbidden(role: string | undefined, readOnly: boolean | undefined, lost: string, what: string): string | null {
  if (role === undefined) return 'It is not known yet who you are.';
  if (readOnly || role !== 'operator') return `Read-only: you are here as a viewer. Whoever signs in with the operator token (PROXY_OPERATOR_TOKEN) may ${what}.`;
  if (lost) return `${lost}. Nothing can be changed until it is back.`;
  return null;
}

export function useForbidden(what: string): string | null {
  const boot = useStore(live.boot), link = useStore(live.link), status = useStore(live.status)?.value;
  const lost = link.kind !== 'live' ? 'The connection is lost' : status?.nats === 'down' ? 'NATS is unreachable' : status?.js === 'down' ? 'JetStream is unavailable' : '';
  return forbidden(boot?.role, boot?.read_only, lost, what);
}

// post what changes something, as JSON.
export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const answer = await ask(address(path), { method: 'POST', headers: { 'Content-Type': 'application/json', Accept: 'application/json' }, body: JSON.stringify(body), signal: signal ?? null });
  return (await answer.json()) as T;
}
