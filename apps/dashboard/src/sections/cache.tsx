import type { CacheState, SystemState, Tenant } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { bytes, count, percent, plural } from '../format.js';
import type { Live } from '../live.js';
import { hrefOf } from '../navigation.js';
import { Bar } from '../parts/bar.js';
import { Fact, Facts } from '../parts/facts.js';
import { ErrorNote, Loading } from '../parts/notice.js';
import { Section } from './section.js';

const rowsAtFirst = 6;

export function CacheSection({ system, tenants }: { system: Live<SystemState>; tenants: Tenant[] }) {
  const cache = system.data?.cache;
  return (
    <Section name="cache" title="Cache" about="Adapters held in memory, of all tenants.">
      {system.error !== undefined && (
        <ErrorNote error={system.error} retry={system.refresh} stale={cache !== undefined} />
      )}
      {!cache && system.error === undefined && <Loading rows={4} what="the cache" />}
      {cache && <Cache cache={cache} tenants={tenants} />}
    </Section>
  );
}

function Cache({ cache, tenants }: { cache: CacheState; tenants: Tenant[] }) {
  const asked = cache.hits + cache.misses;
  const fill = cache.budgetBytes === 0 ? 0 : cache.bytes / cache.budgetBytes;
  return (
    <>
      <div class="fill">
        <p>
          <strong title={`${count(cache.bytes)} bytes`}>{bytes(cache.bytes)}</strong>{' '}
          <span class="quiet" title={`${count(cache.budgetBytes)} bytes`}>
            of {bytes(cache.budgetBytes)}
          </span>
          <span class="fill-share">{percent(fill)}</span>
        </p>
        <Bar share={fill} tone={fill > 0.95 ? 'root' : 'leaf'} />
      </div>
      <Facts>
        <Fact name="Hits">{count(cache.hits)}</Fact>
        <Fact name="Misses">{count(cache.misses)}</Fact>
        <Fact name="Hit rate">{asked === 0 ? 'nothing asked yet' : percent(cache.hits / asked)}</Fact>
        <Fact name="Loads">{count(cache.loads)}</Fact>
        <Fact name="Evictions">{count(cache.evictions)}</Fact>
      </Facts>
      <Resident cache={cache} tenants={tenants} />
    </>
  );
}

function Resident({ cache, tenants }: { cache: CacheState; tenants: Tenant[] }) {
  const [all, setAll] = useState(false);
  if (cache.resident.length === 0) {
    return <p class="quiet">No adapter is in memory. The first prediction for a user loads theirs.</p>;
  }
  const nameOf = new Map(tenants.map((tenant) => [tenant.id, tenant.name]));
  const largest = Math.max(...cache.resident.map((entry) => entry.bytes));
  const shown = all ? cache.resident : cache.resident.slice(0, rowsAtFirst);
  return (
    <>
      <div class="shoots" aria-hidden="true">
        {cache.resident.map((entry) => (
          <span
            key={`${entry.tenantId} ${entry.task} ${entry.user}`}
            class="shoot"
            style={{ height: `${Math.max(6, (entry.bytes / largest) * 100)}%` }}
            title={`${entry.user}, ${entry.task}: ${bytes(entry.bytes)}`}
          />
        ))}
      </div>
      <p class="quiet">
        {plural(cache.entries, 'adapter')} on one base, hottest first
        {cache.entries > cache.resident.length && `; the first ${cache.resident.length} are shown`}.
      </p>
      <div class="table-frame">
        <table>
          <caption class="hidden-text">Adapters in memory, hottest first</caption>
          <thead>
            <tr>
              <th scope="col">User</th>
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
            {shown.map((entry) => (
              <tr key={`${entry.tenantId} ${entry.task} ${entry.user} ${entry.version}`}>
                <td class="model-cell">
                  <a
                    href={hrefOf({
                      tenant: entry.tenantId,
                      section: 'models',
                      model: { task: entry.task, user: entry.user },
                    })}
                  >
                    {entry.user}
                  </a>
                  <span class="quiet">{entry.task}</span>
                </td>
                <td class="from-small">{nameOf.get(entry.tenantId) ?? entry.tenantId}</td>
                <td class="number">v{entry.version}</td>
                <td class="number" title={`${count(entry.bytes)} bytes`}>
                  {bytes(entry.bytes)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        {cache.resident.length > rowsAtFirst && (
          <button type="button" class="button more" onClick={() => setAll(!all)}>
            {all ? 'Show fewer' : `Show all ${cache.resident.length}`}
          </button>
        )}
      </div>
    </>
  );
}
