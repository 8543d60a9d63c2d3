import type { Client, ProcessCache } from '@scion/sdk';
import { useLive } from '../../data/live.js';
import { count, percent } from '../../format.js';
import { Bar } from '../../parts/bar.js';
import { Exact } from '../../parts/exact.js';
import { Panel } from '../../parts/panel.js';

/** The caches of all API processes, where there are several: each keeps the models that it is asked for. */
export function Processes({ client }: { client: Client }) {
  const caches = useLive<ProcessCache[]>('caches', (signal) => client.system.caches({ signal }), 5_000);
  if (!caches.data || caches.data.length < 2) return null;
  return (
    <Panel title="API processes" note="as each told within the last seconds" flush>
      <table>
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col" class="number">
              In memory
            </th>
            <th scope="col" class="from-small">
              <span class="hidden-text">Share</span>
            </th>
            <th scope="col" class="number">
              Adapters
            </th>
            <th scope="col" class="number">
              Hit rate
            </th>
          </tr>
        </thead>
        <tbody>
          {caches.data.map(({ process, bytes, budgetBytes, entries, hits, misses }) => {
            const share = bytes / Math.max(1, budgetBytes);
            return (
              <tr key={process}>
                <th scope="row">{process}</th>
                <td class="number">
                  <Exact value={bytes} />
                </td>
                <td class="from-small">
                  <Bar share={share} spoken={`${percent(share)} of the budget`} />
                </td>
                <td class="number">{count(entries)}</td>
                <td class="number">{hits + misses === 0 ? '–' : percent(hits / (hits + misses))}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Panel>
  );
}
