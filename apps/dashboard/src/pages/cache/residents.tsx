import type { CacheState, Tenant } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { count, plural } from '../../format.js';
import { hrefOf } from '../../navigation.js';
import { Choice } from '../../parts/choice.js';
import { Exact } from '../../parts/exact.js';
import { Panel } from '../../parts/panel.js';

const rowsAtFirst = 10;
const orders = [
  ['hottest', 'Hottest first'],
  ['coldest', 'Coldest first'],
] as const;

/** Which adapters are in memory, the hottest or the coldest; of a longer list the service tells both ends. */
export function Residents({ cache, tenants }: { cache: CacheState; tenants: Tenant[] }) {
  const [all, setAll] = useState(false);
  const [order, setOrder] = useState<'hottest' | 'coldest'>('hottest');
  const names = new Map(tenants.map(({ id, name }) => [id, name]));
  const partly = cache.entries > cache.resident.length;
  const hottest = cache.resident.map((adapter, at) => ({ ...adapter, rank: at + 1 }));
  const coldest = cache.coldest.map((adapter, at) => ({ ...adapter, rank: cache.entries - at }));
  const ordered = order === 'coldest' ? coldest : hottest;
  const shown = all ? ordered : ordered.slice(0, rowsAtFirst);
  return (
    <Panel
      title="Resident adapters"
      note={partly ? `the ${ordered.length} ${order} of ${count(cache.entries)}` : undefined}
      actions={
        cache.resident.length > 1 && (
          <Choice label="Order" options={orders} value={order} onChoose={(next) => setOrder(next)} />
        )
      }
      flush
    >
      {cache.resident.length === 0 ? (
        <p class="quiet">No adapter is in memory. The first prediction for a user loads theirs.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col" class="number">
                Rank
              </th>
              <th scope="col">User and task</th>
              <th scope="col" class="from-small">
                Tenant
              </th>
              <th scope="col" class="number">
                Version
              </th>
              <th scope="col" class="number">
                In memory
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ tenantId, task, user, version, bytes, rank }) => (
              <tr key={`${tenantId} ${task} ${user} ${version}`}>
                <td class="number">{rank}</td>
                <td class="cell-model">
                  <a href={hrefOf({ page: 'models', tenant: tenantId, model: { task, user } })}>{user}</a>
                  <span class="quiet">{task}</span>
                </td>
                <td class="from-small">{names.get(tenantId) ?? `…${tenantId.slice(-6)}`}</td>
                <td class="number">v{version}</td>
                <td class="number">
                  <Exact value={bytes} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {ordered.length > rowsAtFirst && (
        <button type="button" class="button more" onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show all ${plural(ordered.length, 'adapter')}`}
        </button>
      )}
    </Panel>
  );
}
