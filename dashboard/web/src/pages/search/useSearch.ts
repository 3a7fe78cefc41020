import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { get, Problem, type Params } from '../../core/api';
import { live } from '../../core/live';
import type { Found } from '../../core/record';
import type { HistogramAnswer } from './bars';
import type { FacetsAnswer } from './Facet';
import { spanOf, type Query, type Span } from './query';
import { asked } from './words';

export interface Answer {
  total: number;
  total_is: 'exact' | 'at_least';
  examined: number;
  partial: boolean;
  exact: boolean;
  records: Found[];
  next: string;
  took_ms: number;
  store: string;
}

export const PAGE = 200, MOST = 10_000;

// Part is one of the three questions: what is known, and whether more is coming.
export interface Part<T> {
  value: T | null;
  loading: boolean;
  problem: Problem | null;
}
const nothing = { value: null, loading: false, problem: null };

export interface Results {
  span: Span; // what the range was when it was asked
  first: Answer | null; // first page
  last: Answer | null; // newest page read
  records: Found[];
  took: number; // ms, of all pages
}

export const params = (query: Query, span: Span): Params => ({ ...asked(query), from: span.from, to: span.to });

// useSearch asks the store whenever the question changes or again is called. Rows,
// values and counts are three requests; each can be stopped by itself, and rows
// are there first.
export function useSearch(query: Query, enabled: boolean) {
  const [rows, setRows] = useState<Part<Results>>(nothing);
  const [facets, setFacets] = useState<Part<FacetsAnswer>>(nothing);
  const [dynamic, setDynamic] = useState<Part<FacetsAnswer>>(nothing); // facets of dynamic fields: they take longer, and count fewer
  const [histogram, setHistogram] = useState<Part<HistogramAnswer>>(nothing);
  const [turn, setTurn] = useState(0);
  const [asking, setAsking] = useState(false); // for the first page
  const stops = useRef({ rows: new AbortController(), facets: new AbortController(), dynamic: new AbortController(), histogram: new AbortController() });
  const { q, text } = useMemo(() => asked(query), [query]);
  const span = useRef<Span>({ from: null, to: null });

  function ask<T>(which: 'facets' | 'dynamic' | 'histogram', path: string, more: Params, set: (f: (p: Part<T>) => Part<T>) => void): void {
    stops.current[which].abort();
    const stop = (stops.current[which] = new AbortController());
    set((p) => ({ ...p, loading: true, problem: null }));
    get<T>(path, { ...params(query, span.current), ...more }, stop.signal).then(
      (value) => stop.signal.aborted || set(() => ({ value, loading: false, problem: null })),
      (problem: Problem) => stop.signal.aborted || set(() => ({ value: null, loading: false, problem })),
    );
  }
  const askHeaders = () => ask<FacetsAnswer>('facets', 'facets', { size: 20 }, setFacets);
  const askDynamic = () => {
    if (query.fields.length > 0) ask<FacetsAnswer>('dynamic', 'facets', { size: 20, field: query.fields }, setDynamic);
  };
  const askHistogram = () => ask<HistogramAnswer>('histogram', 'histogram', { buckets: 90 }, setHistogram);

  useEffect(() => {
    if (!enabled) return;
    const all = stops.current;
    all.rows.abort();
    const stop = (all.rows = new AbortController());
    const range = (span.current = spanOf(query.range, Math.floor(live.serverNow())));
    setRows((p) => ({ ...p, loading: true, problem: null }));
    setAsking(true);
    const over = () => stop.signal.aborted || setAsking(false);
    get<Answer>('search', { ...params(query, range), limit: PAGE }, stop.signal).then(
      (a) => stop.signal.aborted || setRows({ value: { span: range, first: a, last: a, records: a.records, took: a.took_ms }, loading: false, problem: null }),
      (problem: Problem) => {
        if (stop.signal.aborted) return;
        setRows((p) => ({ ...p, loading: false, problem }));
        if (problem.status !== 400) return; // else the others have the same to say
        halt('facets', setFacets);
        halt('dynamic', setDynamic);
        halt('histogram', setHistogram);
      },
    ).finally(over);
    askHeaders();
    askHistogram();
    return () => [all.rows, all.facets, all.histogram].forEach((s) => s.abort());
  }, [q, text, query.range, turn, enabled]);

  const counted = query.fields.join();
  useEffect(() => {
    if (!enabled) return;
    askDynamic();
    return () => stops.current.dynamic.abort();
  }, [q, text, query.range, turn, enabled, counted]);

  // more reads the next page, unless there is none or one is on its way.
  const more = () => {
    const v = rows.value;
    if (!v?.last?.next || rows.loading || rows.problem || v.records.length >= MOST) return;
    const stop = stops.current.rows;
    setRows({ ...rows, loading: true });
    get<Answer>('search', { ...params(query, v.span), limit: PAGE, cursor: v.last.next }, stop.signal).then(
      (a) => stop.signal.aborted || setRows({ value: { ...v, last: a, records: v.records.concat(a.records), took: v.took + a.took_ms }, loading: false, problem: null }),
      (problem: Problem) => stop.signal.aborted || setRows({ value: v, loading: false, problem }),
    );
  };
  const halt = <T,>(which: 'rows' | 'facets' | 'dynamic' | 'histogram', set: (f: (p: Part<T>) => Part<T>) => void) => {
    stops.current[which].abort();
    set((p) => ({ ...p, loading: false }));
    if (which === 'rows') setAsking(false);
  };
  return {
    rows, facets, dynamic, histogram, more,
    slow: useLate(asking, 400), // the first page lets us wait
    again: () => setTurn((n) => n + 1),
    stopRows: () => halt<Results>('rows', setRows),
    askFacets: () => {
      askHeaders();
      askDynamic();
    },
    stopFacets: () => {
      halt<FacetsAnswer>('facets', setFacets);
      halt<FacetsAnswer>('dynamic', setDynamic);
    },
    stopHistogram: () => halt<HistogramAnswer>('histogram', setHistogram),
  };
}

// useLate is true once on has been for ms: what is over sooner is not worth a sign.
function useLate(on: boolean, ms: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!on) return setLate(false);
    const timer = setTimeout(() => setLate(true), ms);
    return () => clearTimeout(timer);
  }, [on]);
  return on && late;
}
