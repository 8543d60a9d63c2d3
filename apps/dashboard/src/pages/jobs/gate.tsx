import type { GateDecision } from '@scion/sdk';
import { measuresOf, type Scores, show } from '../../data/scores.js';
import { count } from '../../format.js';
import { Panel } from '../../parts/panel.js';

/** Why a version went live or did not, with the numbers it was decided on. */
export function Gate({ gate, version }: { gate: GateDecision; version: number | null }) {
  const name = version === null ? 'The new version' : `Version ${version}`;
  const rows: [string, Scores][] = [
    ['This version', gate.candidate],
    ['Always the commonest answer', gate.majority],
    ...headRows(gate),
    ...(gate.live
      ? ([
          ['This version, on newer examples', gate.live.candidate],
          [`Version ${gate.live.version}, on the same`, gate.live.live],
        ] satisfies [string, Scores][])
      : []),
  ];
  const measures = measuresOf(gate.candidate);
  return (
    <Panel title="The gate’s decision" note="on examples it was not trained on">
      <p class="gate-says">
        <strong class={gate.promoted ? 'good' : 'kept'}>
          {name} {gate.promoted ? 'went live' : 'was kept back'}.
        </strong>{' '}
        {gate.reason}
      </p>
      <table class="metrics">
        <thead>
          <tr>
            <th scope="col">Measured</th>
            {measures.map((measure, at) => (
              <th key={measure.name} scope="col" class={at === 0 ? 'number' : 'number from-small'}>
                {measure.name}
              </th>
            ))}
            <th scope="col" class="number">
              Examples
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([row, scores]) => (
            <tr key={row}>
              <th scope="row">{row}</th>
              {measures.map((measure, at) => (
                <td
                  key={measure.name}
                  class={at === 0 ? 'number' : 'number from-small'}
                  title={String(measure.of(scores) ?? '')}
                >
                  {show(measure, scores)}
                </td>
              ))}
              <td class="number">{count(scores.rows)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

/** Of a version with adapters: what a head alone does on the same folds. */
function headRows({ head }: GateDecision): [string, Scores][] {
  return head
    ? [
        ['With adapters, on the folds', head.candidate],
        ['The head alone, on the same', head.head],
      ]
    : [];
}
