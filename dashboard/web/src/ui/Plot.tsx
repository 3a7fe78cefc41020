import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { settings } from '../core/settings';
import { aligned, options, type PlotProps } from './options';

// Plot is the canvas. uPlot is made anew only when the number or the kind of its
// lines changes; figures, range and theme only redraw it.
export function Plot(props: PlotProps) {
  const { lines, kind = 'line', data, range, label } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const shape = `${kind} ${lines.length}`;

  useLayoutEffect(() => {
    const el = host.current!;
    const u = new uPlot(options(latest, el.clientWidth || 300, el.clientHeight || 118), aligned(latest.current), el);
    plot.current = u;
    const watch = new ResizeObserver(() => {
      if (el.clientWidth > 0 && (el.clientWidth !== u.width || el.clientHeight !== u.height)) u.setSize({ width: el.clientWidth, height: el.clientHeight });
    });
    watch.observe(el);
    const redraw = () => setTimeout(() => u.redraw(false, true));
    const off = settings.on(redraw), scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', redraw);
    return () => {
      off();
      scheme.removeEventListener('change', redraw);
      watch.disconnect();
      u.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => {
    const u = plot.current;
    if (!u) return;
    u.batch(() => {
      u.setData(aligned(latest.current), false);
      u.setScale('x', { min: range[0], max: range[1] });
    });
  }, [data, range[0], range[1], shape, lines.map((l) => l.label + l.tone).join()]);

  const key = (e: KeyboardEvent) => {
    const u = plot.current;
    if (!u || !/^Arrow(Left|Right)$/.test(e.key)) return;
    e.preventDefault();
    const last = data.x.length - 1, now = u.cursor.idx ?? last;
    const next = Math.max(0, Math.min(last, now + (e.key === 'ArrowLeft' ? -1 : 1)));
    u.setCursor({ left: u.valToPos(data.x[next] ?? 0, 'x'), top: 10 });
  };
  return <div class="plot" ref={host} role="img" aria-label={label} tabIndex={0} onKeyDown={key} onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })} />;
}
