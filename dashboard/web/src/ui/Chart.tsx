import { useState } from 'preact/hooks';
import { short } from '../core/format';
import { clock } from '../core/time';
import { Icon } from './icons';
import { Panel, type PanelProps } from './Panel';
import './chart.css';
import { Plot } from './Plot';
import type { Drawn, Line } from './options';

export interface ChartProps extends Omit<PanelProps, 'children' | 'unit'>, Drawn {
  unit: string;
  extra?: (index: number) => string; // more about the moment under the crosshair
}

// Chart is a panel with one time chart. All charts of a page share crosshair and
// range; gaps are gaps. "Table" shows the same figures as a table.
export function Chart(props: ChartProps) {
  const { data, unit, format = short, extra, empty, actions } = props;
  const [asTable, setAsTable] = useState(false);
  const [only, setOnly] = useState<string | null>(null);
  const [hover, setHover] = useState<number | null>(null);
  const lines = only !== null && data.lines.some((l) => l.label === only) ? data.lines.filter((l) => l.label === only) : data.lines;
  const sentence = `${props.title}, ${unit}: ${data.lines.map((l) => `${l.label} ${l.now}`).join(', ') || 'no data'}`;
  const at = hover !== null ? data.x[hover] : undefined;
  return (
    <Panel
      {...props}
      class={`chart ${props.class ?? ''}`}
      unit={at === undefined ? unit : [clock(at * 1000), extra?.(hover!)].filter(Boolean).join(' · ')}
      actions={<>{actions}{!empty && <button class="btn ico quiet" aria-pressed={asTable} aria-label={`${props.title} as a table`} title={asTable ? 'Show the chart' : 'Show as a table'} onClick={() => setAsTable(!asTable)}><Icon name={asTable ? 'chart' : 'table'} size={14} /></button>}</>}
    >
      <div class="legend">
        {data.lines.map((l) => (
          <button key={l.label} class={only !== null && only !== l.label ? 'off' : ''} aria-pressed={only === l.label} title={l.title ?? l.label} onClick={() => setOnly(only === l.label ? null : l.label)}>
            <i class={`f-${l.tone}`} /><span>{l.label}</span><b class={l.alarm}>{hover !== null && data.x[hover] !== undefined ? format(l.values[hover] ?? null) : l.now}</b>
          </button>
        ))}
      </div>
      {asTable ? <ChartTable x={data.x} lines={lines} title={props.title} format={format} /> : <Plot {...props} lines={lines} label={sentence} format={format} onHover={setHover} />}
    </Panel>
  );
}

function ChartTable({ x, lines, title, format }: { x: number[]; lines: Line[]; title: string; format: (v: number | null) => string }) {
  const rows = x.map((s, i) => [s, i] as const).reverse();
  return (
    <div class="plot scroll" tabIndex={0} role="group" aria-label={`${title} as a table`}>
      <table class="tb small">
        <thead><tr><th scope="col">Time</th>{lines.map((l) => <th key={l.label} scope="col" class="num">{l.label}</th>)}</tr></thead>
        <tbody>{rows.slice(0, 200).map(([s, i]) => <tr key={s}><th scope="row">{clock(s * 1000)}</th>{lines.map((l) => <td key={l.label} class="num">{format(l.values[i] ?? null)}</td>)}</tr>)}</tbody>
      </table>
    </div>
  );
}
