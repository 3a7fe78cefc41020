import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Problem } from '../../core/api';
import { count, duration, short } from '../../core/format';
import { clock, clockMinutes, day, exact, offset } from '../../core/time';
import { ProblemNote } from '../../ui/parts';
import { groups, labels, rects, roof, sum, totals, type HistogramAnswer } from './bars';

const HEIGHT = 74, LEFT = 40;

interface Props {
  answer: HistogramAnswer | null;
  loading: boolean;
  problem: Problem | null;
  total: string; // "1,844 matches"
  onZoom: (from: number, to: number) => void; // unix ms
  onCancel: () => void;
}

// Histogram shows how many records match over time, by severity. A drag over it
// makes what was dragged over the new range.
export function Histogram({ answer, loading, problem, total, onZoom, onCancel }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  const [drag, setDrag] = useState<[number, number] | null>(null); // px
  const [at, setAt] = useState<number | null>(null);
  useEffect(() => {
    const measure = () => setWidth(Math.max(120, (box.current?.clientWidth ?? 600) - LEFT - 12));
    const watch = new ResizeObserver(measure);
    watch.observe(box.current!);
    measure();
    return () => watch.disconnect();
  }, []);
  const h = answer && answer.buckets.length ? answer : null;
  const all = useMemo(() => (h ? totals(h) : []), [h]);
  const top = useMemo(() => roof(h ? Math.max(...h.buckets.map((b) => b.reduce((a, n) => a + n, 0))) : 0), [h]);
  const list = useMemo(() => (h ? rects(h, width, HEIGHT, top) : []), [h, width, top]);

  const x = (e: PointerEvent): number => Math.max(0, Math.min(width, e.clientX - (e.currentTarget as Element).getBoundingClientRect().left - LEFT));
  const time = (px: number): number => h!.from + (px / width) * (h!.to - h!.from);
  const down = (e: PointerEvent) => {
    if (!h || e.button !== 0) return;
    (e.currentTarget as Element).setPointerCapture(e.pointerId);
    setDrag([x(e), x(e)]);
  };
  const move = (e: PointerEvent) => {
    if (!h) return;
    setAt(Math.min(h.buckets.length - 1, Math.floor((x(e) / width) * h.buckets.length)));
    if (drag) setDrag([drag[0], x(e)]);
  };
  const up = () => {
    if (drag && h && Math.abs(drag[1] - drag[0]) > 4) {
      const [a, b] = [...drag].sort((p, q) => p - q) as [number, number];
      onZoom(time(a), time(b));
    }
    setDrag(null);
  };
  const bucket = h && at !== null ? h.buckets[at] : undefined;
  const words = h ? groups.map((g, i) => `${g.name} ${count(all[i])}`).join(', ') : 'no data';
  const times = h ? labels(h.from, h.to, width, offset(h.from)) : [];
  const far = h ? day(h.from) !== day(h.to - 1) : false;
  return (
    <section class="card hist" aria-label="Matches over time" aria-busy={loading}>
      <header>
        <h2>{total}</h2>
        <span class="unit">
          {bucket ? <>{exact(h!.from + at! * h!.step_ms)} · {groups.filter((g) => sum(bucket, g.of)).map((g) => `${g.name} ${count(sum(bucket, g.of))}`).join(' · ') || '0'}</>
            : h ? <>per {duration(h.step_ms / 1000)}, by severity · drag to zoom</> : loading ? 'counting…' : ''}
          {h && (h.partial || h.total_is === 'at_least') && !bucket && <> · of the newest {count(h.counted)} matches</>}
        </span>
        <span class="sp" />
        {loading && <button class="btn sm" onClick={onCancel}>Stop counting</button>}
        {!loading && h && <span class="hkeys">{groups.map((g, i) => all[i]! > 0 && <span key={g.name}><i class={`f-${g.tone}`} />{g.name} <b>{count(all[i])}</b></span>)}</span>}
      </header>
      <div ref={box} class={loading ? 'bars old' : 'bars'}>
        {problem ? <ProblemNote problem={problem} /> : (
          <svg width={width + LEFT + 12} height={HEIGHT + 24} role="img" aria-label={`${total}, ${words}`} onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerLeave={() => setAt(null)}>
            {[0, top / 2, top].map((n) => {
              const y = 6 + HEIGHT - (n / top) * HEIGHT;
              return <g key={n}><line class="hgrid" x1={LEFT} x2={LEFT + width} y1={Math.round(y) + 0.5} y2={Math.round(y) + 0.5} />{h && <text x={LEFT - 6} y={y + 3.5} text-anchor="end">{short(n)}</text>}</g>;
            })}
            <g transform={`translate(${LEFT},6)`}>
              {list.map((r, i) => <rect key={i} class={`h-${r.tone}`} x={r.x} y={r.y} width={r.width} height={r.height} />)}
              {bucket && !drag && <rect class="hat" x={(at! * width) / h!.buckets.length} y={0} width={width / h!.buckets.length} height={HEIGHT} />}
              {drag && <rect class="hsel" x={Math.min(...drag)} y={0} width={Math.abs(drag[1] - drag[0])} height={HEIGHT} />}
            </g>
            {h && times.map(({ x, ms }) => (
              <text key={ms} x={LEFT + x} y={HEIGHT + 20} text-anchor="middle">
                {h.to - h.from > 3 * 86_400_000 ? day(ms).slice(5) : far ? `${day(ms).slice(5)} ${clockMinutes(ms)}` : times.some((t) => t.ms % 60_000) ? clock(ms) : clockMinutes(ms)}
              </text>
            ))}
          </svg>
        )}
      </div>
    </section>
  );
}
