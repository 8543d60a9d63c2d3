import type { Model, ProcessCache } from '@scion/sdk';
import { useLive } from '../../data/live.js';
import { count, plural } from '../../format.js';
import { hrefOf } from '../../navigation.js';
import { Exact } from '../../parts/exact.js';
import { Panel } from '../../parts/panel.js';
import type { Scope } from '../../scope.js';
import { isOperator } from '../../session.js';

/** Where the model is in memory now; the operator's to know, since the caches are everybody's. */
export function Residence({ model, scope }: { model: Model; scope: Scope }) {
  if (!isOperator.value) return null;
  return <Resident model={model} scope={scope} />;
}

function Resident({ model, scope }: { model: Model; scope: Scope }) {
  const caches = useLive<ProcessCache[]>('caches', (signal) => scope.client.system.caches({ signal }), 5_000);
  if (!caches.data) return null;
  const holds = caches.data.flatMap((cache) => {
    const rank = cache.resident.findIndex(
      ({ tenantId, task, user }) => tenantId === model.tenantId && task === model.task && user === model.user,
    );
    return rank < 0 ? [] : [{ cache, rank, adapter: cache.resident[rank]! }];
  });
  const partly = caches.data.some(({ resident, entries }) => resident.length < entries);
  return (
    <Panel
      title="In memory"
      note={`of ${plural(caches.data.length, 'API process', 'API processes')}`}
      actions={<a href={hrefOf({ page: 'cache' })}>Cache</a>}
    >
      {holds.map(({ cache, rank, adapter }) => (
        <p key={cache.process}>
          Version {adapter.version} with <Exact value={adapter.bytes} />, the {rank + 1}. hottest of{' '}
          {count(cache.entries)}
          {caches.data!.length > 1 && ` in ${shortProcess(cache.process)}`}.
        </p>
      ))}
      {holds.length === 0 && (
        <p class="quiet">
          Not resident{partly && ', or not among the hundred hottest'}. The next prediction loads it.
        </p>
      )}
    </Panel>
  );
}

/** The end of a process's name tells it from its neighbours. */
const shortProcess = (name: string): string => (name.length > 8 ? `…${name.slice(-6)}` : name);
