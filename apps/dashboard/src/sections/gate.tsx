import type { GateDecision, Metrics } from '@scion/sdk';
import { count, loss, percent } from '../format.js';

/** Why a version went live or did not, with the numbers it was decided on. */
export function Gate({ gate, version }: { gate: GateDecision; version: number | null }) {
  const name = version === null ? 'The new version' : `Version ${version}`;
  return (
    <section class="gate" aria-label="Promotion">
      <p>
        <strong class={gate.promoted ? 'good' : 'kept'}>
          {name} {gate.promoted ? 'went live' : 'was kept back'}.
        </strong>{' '}
        {gate.reason}
      </p>
      <div class="table-frame">
        <table class="metrics">
          <caption class="hidden-text">Measured on examples the judged model was not trained on</caption>
          <thead>
            <tr>
              <th scope="col">Measured on unseen examples</th>
              <th scope="col" class="number">
                Accuracy
              </th>
              <th scope="col" class="number from-small">
                Macro F1
              </th>
              <th scope="col" class="number from-small">
                Log loss, nats
              </th>
              <th scope="col" class="number">
                Examples
              </th>
            </tr>
          </thead>
          <tbody>
            <MetricsRow name="This version" metrics={gate.candidate} />
            <MetricsRow name="Always the commonest label" metrics={gate.majority} />
            {gate.head && <MetricsRow name="A head without adapters" metrics={gate.head.head} />}
            {gate.live && <MetricsRow name="This version, on newer examples" metrics={gate.live.candidate} />}
            {gate.live && (
              <MetricsRow name={`Version ${gate.live.version}, on the same`} metrics={gate.live.live} />
            )}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function MetricsRow({ name, metrics }: { name: string; metrics: Metrics }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="number">{percent(metrics.accuracy)}</td>
      <td class="number from-small">{percent(metrics.macroF1)}</td>
      <td class="number from-small">{loss(metrics.logLoss)}</td>
      <td class="number">{count(metrics.rows)}</td>
    </tr>
  );
}
