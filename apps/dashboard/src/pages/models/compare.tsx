import type { ModelVersion } from '@scion/sdk';
import { measuresOf } from '../../data/scores.js';
import { bytes, count, duration, shortHash } from '../../format.js';
import { Panel } from '../../parts/panel.js';

interface Row {
  name: string;
  of(version: ModelVersion): number | undefined;
  show(value: number): string;
  /** How a difference is said; default like a value. */
  difference?: ((value: number) => string) | undefined;
  /** Which way is up; undefined where neither is. */
  better?: 'more' | 'less';
}

const facts: Row[] = [
  { name: 'Measured on, rows', of: ({ card }) => card.gate.candidate.rows, show: count },
  { name: 'Examples', of: ({ card }) => card.examples, show: count },
  { name: 'Adapter', of: ({ adapterBytes }) => adapterBytes, show: bytes },
  {
    name: 'L2 penalty',
    of: ({ card }) => card.recipe.l2,
    show: (value) => String(Number(value.toPrecision(3))),
  },
  { name: 'Temperature', of: ({ card }) => card.recipe.temperature, show: (value) => value.toFixed(2) },
  {
    name: 'Time to train',
    of: ({ card }) => (card.seconds.embed + card.seconds.fit) * 1000,
    show: duration,
  },
];

/** What the versions were judged by, then what they are made of. */
function rowsOf(version: ModelVersion): Row[] {
  const judged = measuresOf(version.card.gate.candidate).map(
    ({ of, ...measure }): Row => ({ ...measure, of: ({ card }) => of(card.gate.candidate) }),
  );
  return [...judged, ...facts];
}

/** Two versions side by side. Each was measured on rows it was not trained on, not both on the same ones. */
export function Compare({ left, right }: { left: ModelVersion; right: ModelVersion }) {
  return (
    <Panel
      title={`Version ${right.version} against ${left.version}`}
      note="each on rows it was not trained on"
      flush
    >
      <table>
        <thead>
          <tr>
            <th scope="col">Measure</th>
            <th scope="col" class="number">
              v{left.version}
            </th>
            <th scope="col" class="number">
              v{right.version}
            </th>
            <th scope="col" class="number">
              Difference
            </th>
          </tr>
        </thead>
        <tbody>
          {rowsOf(right).map(({ name, of, show, difference, better }) => {
            const [was, is] = [of(left), of(right)];
            const by = was === undefined || is === undefined ? undefined : is - was;
            return (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td class="number">{was === undefined ? '–' : show(was)}</td>
                <td class="number">{is === undefined ? '–' : show(is)}</td>
                <td class={`number ${verdict(better, by)}`}>
                  {by === undefined ? '–' : by === 0 ? 'same' : (difference ?? signed(show))(by)}
                </td>
              </tr>
            );
          })}
          <tr>
            <th scope="row">Data SHA-256</th>
            <td class="number">
              <code title={left.card.dataSha256}>{shortHash(left.card.dataSha256)}</code>
            </td>
            <td class="number">
              <code title={right.card.dataSha256}>{shortHash(right.card.dataSha256)}</code>
            </td>
            <td class="number">{left.card.dataSha256 === right.card.dataSha256 ? 'same' : 'differs'}</td>
          </tr>
        </tbody>
      </table>
    </Panel>
  );
}

function signed(show: (value: number) => string): (by: number) => string {
  return (by) => `${by > 0 ? '+' : '−'}${show(Math.abs(by))}`;
}

function verdict(better: Row['better'], by = 0): string {
  if (!better || by === 0) return '';
  return by > 0 === (better === 'more') ? 'good' : 'bad';
}
