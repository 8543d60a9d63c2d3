import type { Model, SystemState } from '@scion/sdk';
import { useLive } from '../../data/live.js';
import { hrefOf } from '../../navigation.js';
import { Exact } from '../../parts/exact.js';
import { Panel } from '../../parts/panel.js';
import type { Scope } from '../../scope.js';
import { isOperator } from '../../session.js';

/** Whether the model is in memory now; the operator's to know, since the cache is everybody's. */
export function Residence({ model, scope }: { model: Model; scope: Scope }) {
  if (!isOperator.value) return null;
  return <Resident model={model} scope={scope} />;
}

function Resident({ model, scope }: { model: Model; scope: Scope }) {
  const system = useLive<SystemState>('system', (signal) => scope.client.system.get({ signal }), 5_000);
  if (!system.data) return null;
  const { resident, entries } = system.data.cache;
  const rank = resident.findIndex(
    ({ tenantId, task, user }) => tenantId === model.tenantId && task === model.task && user === model.user,
  );
  const entry = resident[rank];
  return (
    <Panel title="In memory" actions={<a href={hrefOf({ page: 'cache' })}>Cache</a>}>
      {entry ? (
        <p>
          Version {entry.version} is resident with <Exact value={entry.bytes} />, the {rank + 1}. hottest of{' '}
          {entries}.
        </p>
      ) : (
        <p class="quiet">
          Not resident{resident.length < entries && `, or not among the ${resident.length} hottest`}. The next
          prediction loads it.
        </p>
      )}
    </Panel>
  );
}
