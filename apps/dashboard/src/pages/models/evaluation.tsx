import type { Card } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { Plot } from '../../charts/plot.js';
import { count, percent, plural } from '../../format.js';
import { Bar } from '../../parts/bar.js';
import { Panel } from '../../parts/panel.js';

/** Each label: what it was learnt from, and how well it is told. */
export function Labels({ card }: { card: Card }) {
  const scores = card.evaluation?.labels;
  const rows = card.labels
    .map((label, at) => ({ label, examples: card.examplesPerLabel[label] ?? 0, score: scores?.[at] }))
    .sort((a, b) => b.examples - a.examples);
  const most = rows[0]?.examples || 1;
  if (rows.length === 0) return null;
  return (
    <Panel title="Labels" note={plural(rows.length, 'label')} flush>
      <div class="table-scroll label-table">
        <table>
          <thead>
            <tr>
              <th scope="col">Label</th>
              <th scope="col" class="number">
                Examples
              </th>
              {scores && (
                <>
                  <th scope="col" class="number">
                    Precision
                  </th>
                  <th scope="col" class="number">
                    Recall
                  </th>
                  <th scope="col" class="number">
                    F1
                  </th>
                </>
              )}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ label, examples, score }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td class="number">
                  {count(examples)}
                  <Bar share={examples / most} tone="root" />
                </td>
                {score && (
                  <>
                    <td class="number">{percent(score.precision)}</td>
                    <td class="number">{percent(score.recall)}</td>
                    <td class="number" title={`on ${plural(score.support, 'row')}`}>
                      {percent(score.f1)}
                    </td>
                  </>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

/** True labels against answered ones; right answers stand on the diagonal. */
export function Confusion({ card }: { card: Card }) {
  const cells = card.evaluation?.confusion;
  if (!cells) return null;
  const most = Math.max(1, ...cells.flat());
  return (
    <Panel title="Confusion" note="rows by true label, columns by answer" flush>
      <div class="table-scroll">
        <table class="confusion">
          <thead>
            <tr>
              <td />
              {card.labels.map((label) => (
                <th key={label} scope="col" class="number" title={label}>
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {cells.map((row, truth) => (
              <tr key={card.labels[truth]}>
                <th scope="row">{card.labels[truth]}</th>
                {row.map((rows, answer) => (
                  <td
                    key={card.labels[answer]}
                    class={`number ${truth === answer ? 'cell-right' : rows > 0 ? 'cell-wrong' : ''}`}
                    style={{ '--share': String(rows / most) }}
                    title={`${plural(rows, 'row')} of ${card.labels[truth]} answered ${card.labels[answer]}`}
                  >
                    {rows}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

/** Whether 80 % sure means right four times out of five. */
export function Calibration({ card }: { card: Card }) {
  const [cursor, setCursor] = useState<number | null>(null);
  const bins = card.evaluation?.reliability?.filter(({ count }) => count > 0) ?? [];
  if (bins.length === 0) return null;
  const pointed = bins[cursor ?? bins.length - 1]!;
  return (
    <Panel title="Calibration" note="share that was right, over how sure it was">
      <figure class="chart">
        <figcaption class="legend">
          <span class="legend-line">
            sure to <strong>{percent(pointed.confidence)}</strong>
          </span>
          <span class="legend-line">
            right in <strong>{percent(pointed.accuracy)}</strong>
          </span>
          <span class="legend-time">of {plural(pointed.count, 'row')}</span>
        </figcaption>
        <Plot
          x={bins.map(({ confidence }) => confidence)}
          lines={[
            {
              name: 'right',
              values: bins.map(({ accuracy }) => accuracy),
              colour: 'var(--series-1)',
              width: 2,
            },
          ]}
          heightPx={220}
          top={1}
          across={[0, 1]}
          diagonal
          formatY={(value) => `${Math.round(value * 100)} %`}
          formatX={(value) => `${Math.round(value * 100)} %`}
          label={`Calibration in ${bins.length} bins of confidence.`}
          cursor={cursor}
          onCursor={setCursor}
        />
      </figure>
    </Panel>
  );
}
