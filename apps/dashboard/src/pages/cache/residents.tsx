import type { CacheState, Tenant } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { plural } from '../../format.js';
import { hrefOf } from '../../navigation.js';
import { Exact } from '../../parts/exact.js';
import { Panel } from '../../parts/panel.js';

const rowsAtFirst = 10;

/** Which adapters are in memory, hottest first. */
export function Residents({ cache, tenants }: { cache: CacheState; tenants: Tenant[] }) {
  const [all, setAll] = useState(false);
  const names = new Map(tenants.map(({ id, name }) => [id, name]));
  const shown = all ? cache.resident : cache.resident.slice(0, rowsAtFirst);
  const partly = cache.entries > cache.resident.length;
  return (
    <Panel
      title="Resident adapters"
      note={partly ? `the ${cache.resident.length} hottest of ${cache.entries}` : 'hottest first'}
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
            {shown.map(({ tenantId, task, user, version, bytes }, at) => (
              <tr key={`${tenantId} ${task} ${user} ${version}`}>
                <td class="number">{at + 1}</td>
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
      {cache.resident.length > rowsAtFirst && (
        <button type="button" class="button more" onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show all ${plural(cache.resident.length, 'adapter')}`}
        </button>
      )}
    </Panel>
  );
}
