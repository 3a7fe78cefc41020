import { Spark } from '../../ui/parts';
import type { Figure } from './figures';

// The six key figures.
export function Tiles({ figures, stale }: { figures: readonly Figure[]; stale: boolean }) {
  return (
    <section class={`card kpis ${stale ? 'stale' : ''}`} aria-label="Key figures">
      {figures.map((f) => (
        <div class="kpi" key={f.label} title={f.hint}>
          <div class="l">{f.label}</div>
          <div class={`v ${f.tone}`}>{f.value}<small>{f.unit}</small></div>
          <div class="d cut" title={f.under}>{f.under}</div>
          {f.spark.some((v) => v !== null) && <Spark values={f.spark} tone={f.tone || 'c1'} />}
        </div>
      ))}
    </section>
  );
}
