import type uPlot from 'uplot';
import { color } from './color';
import type { PlotProps } from './options';

// What is painted on a chart beside its lines.

export const FONT = '10.5px Inter, system-ui, sans-serif';

// shadeOf a stretch of time of which nothing is known.
export function shadeOf(u: uPlot, from: number, to: number, label = ''): void {
  const { ctx, bbox } = u, px = devicePixelRatio;
  const a = Math.max(bbox.left, u.valToPos(from, 'x', true)), b = Math.min(bbox.left + bbox.width, u.valToPos(to, 'x', true));
  if (b <= a) return;
  ctx.save();
  ctx.fillStyle = color('s2');
  ctx.fillRect(a, bbox.top, b - a, bbox.height);
  ctx.font = FONT.replace('10.5px', `${10.5 * px}px`);
  if (label && ctx.measureText(label).width < b - a - 12 * px) {
    ctx.fillStyle = color('t3');
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    ctx.fillText(label, (a + b) / 2, bbox.top + bbox.height / 2);
  }
  ctx.restore();
}

// marks draws thresholds, the note, and a dot at the newest value of each line.
export function marks(u: uPlot, props: PlotProps): void {
  const { ctx, bbox } = u, px = devicePixelRatio;
  const high = u.scales['y']!.max ?? 0;
  ctx.save();
  ctx.font = FONT.replace('10.5px', `${10.5 * px}px`);
  ctx.textBaseline = 'alphabetic';
  ctx.lineWidth = px;
  const dashed = (x1: number, y1: number, x2: number, y2: number, text: string, tx: number, ty: number, tone: string, align: CanvasTextAlign) => {
    ctx.strokeStyle = ctx.fillStyle = color(tone);
    ctx.setLineDash([3 * px, 3 * px]);
    ctx.beginPath();
    ctx.moveTo(x1, y1);
    ctx.lineTo(x2, y2);
    ctx.stroke();
    ctx.textAlign = align;
    ctx.fillText(text, tx, ty);
  };
  let free = -Infinity; // labels are written from the top down, where there is room
  for (const t of [...(props.thresholds ?? [])].sort((a, b) => b.value - a.value)) {
    if (t.value > high) continue;
    const y = Math.round(u.valToPos(t.value, 'y', true)) + 0.5, room = y - 12 * px > free;
    dashed(bbox.left, y, bbox.left + bbox.width, y, room ? t.label : '', bbox.left + 4 * px, y - 3 * px, t.tone, 'left');
    free = y;
  }
  if (props.note) {
    const x = u.valToPos(props.note.at, 'x', true), left = x > bbox.left + bbox.width / 2;
    if (x >= bbox.left && x <= bbox.left + bbox.width) dashed(x, bbox.top, x, bbox.top + bbox.height, props.note.text, x + (left ? -4 : 4) * px, bbox.top + 8 * px, 't3', left ? 'right' : 'left');
  }
  ctx.setLineDash([]);
  if ((props.kind ?? 'line') === 'line') {
    props.lines.forEach((line) => {
      const last = line.values.length - 1;
      const value = line.values[last] ?? null;
      if (value === null) return;
      const x = u.valToPos(props.data.x[last]!, 'x', true);
      if (x > bbox.left + bbox.width + px || x < bbox.left) return;
      ctx.fillStyle = color(line.tone);
      ctx.beginPath();
      ctx.arc(x, u.valToPos(value, 'y', true), 2.2 * px, 0, 7);
      ctx.fill();
    });
  }
  ctx.restore();
}
