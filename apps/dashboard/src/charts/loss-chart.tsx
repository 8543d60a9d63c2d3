import { useMemo, useState } from 'preact/hooks';
import { type Curves, valueAt } from '../data/curves.js';
import { smooth } from '../data/smooth.js';
import { loss } from '../format.js';
import { Plot } from './plot.js';
import type { Line } from './plot-options.js';
import { seriesColour } from './series-colour.js';

interface LossChartProps {
  data: Curves;
  /** Said after a loss: ` nats`, or nothing. */
  unit: string;
  growing: boolean;
  log: boolean;
  /** Weight of the past in the moving average, 0 to below 1. */
  smoothing: number;
  heightPx: number;
}

/** Training loss (solid) and validation loss (dashed) over optimizer steps, with a table that is the read-out. */
export function LossChart({ data, unit, growing, log, smoothing, heightPx }: LossChartProps) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [cursor, setCursor] = useState<number | null>(null);
  const lines = useMemo(
    () =>
      data.curves.flatMap(({ name, training, validation }, at): Line[] => {
        const shared = { colour: seriesColour(at), hidden: hidden.has(name) };
        return [
          {
            ...shared,
            name: `${name}, training`,
            values: smooth(training, smoothing),
            width: name === 'final' ? 2.5 : 1.75,
          },
          { ...shared, name: `${name}, validation`, values: smooth(validation, smoothing), kind: 'dashed' },
        ];
      }),
    [data, hidden, smoothing],
  );
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
  };
  const index = cursor ?? data.steps.length - 1;
  return (
    <figure class="chart loss-chart">
      <Plot
        x={data.steps}
        lines={lines}
        heightPx={heightPx}
        log={log}
        formatY={(value) => axisLoss(value, log)}
        label={`Loss${unit && ` in${unit}`} over ${data.steps.length} steps, ${data.curves.length} curves.`}
        cursor={cursor}
        onCursor={setCursor}
      />
      <table class="readout">
        <caption>
          {cursor === null ? (growing ? 'Latest step' : 'Last step') : 'Step'} {data.steps[index]}
        </caption>
        <thead>
          <tr>
            <th scope="col">Curve</th>
            <th scope="col" class="number">
              <span class="stroke" /> Training
            </th>
            <th scope="col" class="number">
              <span class="stroke stroke-dashed" /> Validation
            </th>
          </tr>
        </thead>
        <tbody>
          {data.curves.map((curve, at) => (
            <tr key={curve.name} class={hidden.has(curve.name) ? 'readout-off' : ''}>
              <th scope="row">
                <button
                  type="button"
                  class="series"
                  aria-pressed={!hidden.has(curve.name)}
                  onClick={() => toggle(curve.name)}
                >
                  <span class="swatch" style={{ color: seriesColour(at) }} />
                  {curve.name}
                </button>
              </th>
              <Exact value={valueAt(curve.training, index)} unit={unit} />
              <Exact value={valueAt(curve.validation, index)} unit={unit} />
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

/** As measured: smoothing changes the drawing, never the figures. */
function Exact({ value, unit }: { value: number | null; unit: string }) {
  return (
    <td class="number" title={value === null ? undefined : `${value}${unit}`}>
      {value === null ? '–' : loss(value)}
    </td>
  );
}

function axisLoss(value: number, log: boolean): string {
  if (value === 0) return '0';
  if (log) return String(Number(value.toPrecision(2)));
  return Math.abs(value) >= 0.01 ? String(Number(value.toFixed(3))) : loss(value);
}
