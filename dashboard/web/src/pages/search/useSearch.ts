import { useEffect, useRef, useState } from 'preact/hooks';
import { get, Problem, type Params } from '../../core/api';
import { live } from '../../core/live';
import type { HistogramAnswer } from './bars';
import type { FacetsAnswer } from './Facets';
import { spanOf, type Query, type Span } from './query';
import type { Found } from './record';

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

export const params = (query: Pick<Query, 'q' | 'text'>, span: Span): Params => ({ q: query.q, text: query.text, from: span.from, to: span.to });

// useSearch asks the store whenever the question changes or again is called. Rows,
// values and counts are three requests; each can be stopped by itself, and rows
// are there first.
export function useSearch(query: Query, enabled: boolean) {
  const [rows, setRows] = useState<Part<Results>>(nothing);
  const [facets, setFacets] = useState<Part<FacetsAnswer>>(nothing);
  const [histogram, setHistogram] = useState<Part<HistogramAnswer>>(nothing);
  const [turn, setTurn] = useState(0);
  const [asking, setAsking] = useState(false); // for the first page
  const stops = useRef({ rows: new AbortController(), facets: new AbortController(), histogram: new AbortController() });
  const span = useRef<Span>({ from: null, to: null });

  function ask<T>(which: 'facets' | 'histogram', more: Params, set: (f: (p: Part<T>) => Part<T>) => void): void {
    stops.current[which].abort();
    const stop = (stops.current[which] = new AbortController());
    set((p) => ({ ...p, loading: true, problem: null }));
    get<T>(which, { ...params(query, span.current), ...more }, stop.signal).then(
      (value) => stop.signal.aborted || set(() => ({ value, loading: false, problem: null })),
      (problem: Problem) => stop.signal.aborted || set(() => ({ value: null, loading: false, problem })),
    );
  }
  const askFacets = () => ask<FacetsAnswer>('facets', { size: 20 }, setFacets);
  const askHistogram = () => ask<HistogramAnswer>('histogram', { buckets: 90 }, setHistogram);

  useEffect(() => {
    if (!enabled) return;
    const all = stops.current;
    all.rows.abort();
    const stop = (all.rows = new AbortController());
    const asked = (span.current = spanOf(query.range, Math.floor(live.serverNow())));
    setRows((p) => ({ ...p, loading: true, problem: null }));
    setAsking(true);
    const over = () => stop.signal.aborted || setAsking(false);
    get<Answer>('search', { ...params(query, asked), limit: PAGE }, stop.signal).then(
      (a) => stop.signal.aborted || setRows({ value: { span: asked, first: a, last: a, records: a.records, took: a.took_ms }, loading: false, problem: null }),
      (problem: Problem) => {
        if (stop.signal.aborted) return;
        setRows((p) => ({ ...p, loading: false, problem }));
        if (problem.status !== 400) return; // else the others have the same to say
        halt('facets', setFacets);
        halt('histogram', setHistogram);
      },
    ).finally(over);
    askFacets();
    askHistogram();
    return () => [all.rows, all.facets, all.histogram].forEach((s) => s.abort());
  }, [query.q, query.text, query.range, turn, enabled]);

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
  const halt = <T,>(which: 'rows' | 'facets' | 'histogram', set: (f: (p: Part<T>) => Part<T>) => void) => {
    stops.current[which].abort();
    set((p) => ({ ...p, loading: false }));
    if (which === 'rows') setAsking(false);
  };
  return {
    rows, facets, histogram, more, askFacets,
    slow: useLate(asking, 400), // the first page lets us wait
    again: () => setTurn((n) => n + 1),
    stopRows: () => halt<Results>('rows', setRows),
    stopFacets: () => halt<FacetsAnswer>('facets', setFacets),
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
