import { useCallback } from 'preact/hooks';
import { Store, useStore } from './store';

// The page and its state are in the URL, so everything is a link. Paths are
// relative to the directory the dashboard is served from.

export interface Route {
  page: string; // '' is the overview
  query: string; // without '?'
}

export const base = (): string => new URL('.', document.baseURI.split(/[?#]/)[0]).pathname;

export function read(location: { pathname: string; search: string }): Route {
  return { page: location.pathname.slice(location.pathname.lastIndexOf('/') + 1), query: location.search.slice(1) };
}

export const route = new Store<Route>(read(window.location));

// href of a page with parameters; empty ones are left out.
export function href(page: string, params: Record<string, string | number | null | undefined> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value !== null && value !== undefined && value !== '') query.set(name, String(value));
  const text = query.toString();
  return `${base()}${page}${text ? '?' + text : ''}`;
}

export function go(to: string, replace = false): void {
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  const next = read(window.location), now = route.get();
  if (next.page !== now.page || next.query !== now.query) route.set(next);
}

// setParams changes parameters of this page. null, '' removes one.
export function setParams(params: Record<string, string | number | null>, replace = true): void {
  const query = new URLSearchParams(route.get().query);
  for (const [name, value] of Object.entries(params)) {
    if (value === null || value === '') query.delete(name);
    else query.set(name, String(value));
  }
  const text = query.toString();
  go(`${base()}${route.get().page}${text ? '?' + text : ''}`, replace);
}

// useParam is a parameter of the URL as state; its default is not written.
export function useParam(name: string, fallback = ''): [string, (value: string | null, replace?: boolean) => void] {
  const { query } = useStore(route);
  const value = new URLSearchParams(query).get(name) ?? fallback;
  const set = useCallback((v: string | null, replace = true) => setParams({ [name]: v === fallback ? null : v }, replace), [name, fallback]);
  return [value, set];
}

// followLinks makes our own links change the page without loading it anew.
export function followLinks(): () => void {
  const click = (e: MouseEvent) => {
    if (e.defaultPrevented || e.button !== 0 || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
    const a = (e.target as Element | null)?.closest?.('a');
    if (!a || a.target || a.hasAttribute('download') || a.origin !== location.origin || a.hash) return;
    const page = read({ pathname: a.pathname, search: '' }).page;
    if (!a.pathname.startsWith(base()) || !pages.includes(page)) return;
    e.preventDefault();
    go(a.pathname + a.search);
  };
  const pop = () => route.set(read(window.location));
  document.addEventListener('click', click);
  window.addEventListener('popstate', pop);
  return () => {
    document.removeEventListener('click', click);
    window.removeEventListener('popstate', pop);
  };
}

export const pages = ['', 'pipeline', 'search', 'tail', 'dead', 'consumers', 'settings'];
