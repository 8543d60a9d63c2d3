import type { ModelVersion } from '@scion/sdk';
import { useMemo, useState } from 'preact/hooks';
import { Plot } from '../../charts/plot.js';
import type { Line } from '../../charts/plot-options.js';
import { mainScore, type Scores } from '../../data/scores.js';
import { percent, plural } from '../../format.js';
import { Panel } from '../../parts/panel.js';

/** How good versions were over the number of examples they learnt from: whether more clicks still help. */
export function LearningCurve({ versions }: { versions: ModelVersion[] }) {
  const [cursor, setCursor] = useState<number | null>(null);
  const { x, lines, newest } = useMemo(() => {
    // Of several versions of one number of examples, the newest counts.
    const byCount = new Map(versions.map((version) => [version.card.examples, version]));
    const points = [...byCount.values()].sort((a, b) => a.card.examples - b.card.examples);
    const scores: Scores[] = points.map(({ card }) => card.gate.candidate);
    const baselines: Scores[] = points.map(({ card }) => card.gate.majority);
    const lines: Line[] = [
      {
        name: mainScore(scores[0] ?? { rows: 0 }).name,
        values: scores.map((one) => mainScore(one).value),
        colour: 'var(--series-1)',
        width: 2,
      },
      {
        name: 'commonest answer',
        values: baselines.map((one) => mainScore(one).value),
        colour: 'var(--series-7)',
        kind: 'dashed',
      },
    ];
    return { x: points.map(({ card }) => card.examples), lines, newest: points };
  }, [versions]);
  if (x.length < 2) return null;
  const index = cursor ?? x.length - 1;
  return (
    <Panel title="Learning curve" note="on unseen rows, over the examples trained on">
      <figure class="chart">
        <figcaption class="legend">
          {lines.map(({ name, colour, kind, values }) => (
            <span key={name} class="legend-line">
              <span class={`swatch swatch-${kind ?? 'line'}`} style={{ color: colour }} />
              {name}
              <strong>{percent(values[index] ?? 0)}</strong>
            </span>
          ))}
          <span class="legend-time">
            v{newest[index]?.version}, {plural(x[index] ?? 0, 'example')}
          </span>
        </figcaption>
        <Plot
          x={x}
          lines={lines}
          heightPx={200}
          top={1}
          formatY={(value) => `${Math.round(value * 100)} %`}
          label={`Accuracy over ${x.length} numbers of examples.`}
          cursor={cursor}
          onCursor={setCursor}
        />
      </figure>
    </Panel>
  );
}
