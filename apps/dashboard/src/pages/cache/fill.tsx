import type { CacheState, Tenant } from '@scion/sdk';
import { seriesColour } from '../../charts/series-colour.js';
import { bytes, count, duration, percent, plural, rate } from '../../format.js';
import { hrefOf } from '../../navigation.js';
import { Exact } from '../../parts/exact.js';
import { Fact, Facts } from '../../parts/facts.js';
import { Panel } from '../../parts/panel.js';

/** How full the cache is and whose adapters fill it. */
export function Fill({ cache, tenants }: { cache: CacheState; tenants: Tenant[] }) {
  const asked = cache.hits + cache.misses;
  const shares = byTenant(cache, tenants);
  return (
    <Panel title="Adapter cache" note="of the API process that answered" span={7}>
      <p class="fill-figure">
        <strong title={`${count(cache.bytes)} bytes`}>{bytes(cache.bytes)}</strong>
        <span class="quiet">
          of <Exact value={cache.budgetBytes} />, {percent(cache.bytes / Math.max(1, cache.budgetBytes))};{' '}
          {plural(cache.entries, 'adapter')}
        </span>
      </p>
      <div class="stack" aria-hidden="true">
        {shares.map(({ id, name, held }, at) => (
          <span
            key={id}
            title={`${name}: ${bytes(held)}`}
            style={{ width: `${(held / cache.bytes) * 100}%`, backgroundColor: seriesColour(at) }}
          />
        ))}
      </div>
      {shares.length > 0 && (
        <ul class="stack-legend">
          {shares.map(({ id, name, held, adapters }, at) => (
            <li key={id}>
              <span class="swatch" style={{ color: seriesColour(at) }} />
              <a href={hrefOf({ page: 'models', tenant: id })}>{name}</a>
              <span class="quiet">
                <Exact value={held} />, {plural(adapters, 'adapter')}
              </span>
            </li>
          ))}
        </ul>
      )}
      <Facts>
        <Fact name="Hit rate">{asked === 0 ? 'nothing asked yet' : percent(cache.hits / asked)}</Fact>
        <Fact name="Hits">{count(cache.hits)}</Fact>
        <Fact name="Misses">{count(cache.misses)}</Fact>
        <Fact name="Loads">{count(cache.loads)}</Fact>
        <Fact name="Evictions">{count(cache.evictions)}</Fact>
        <Fact name="Refusals">{count(cache.refusals)}</Fact>
        <Fact name="Load p50">{cache.loadP50Ms === null ? '–' : milliseconds(cache.loadP50Ms)}</Fact>
        <Fact name="Load p99">{cache.loadP99Ms === null ? '–' : milliseconds(cache.loadP99Ms)}</Fact>
      </Facts>
    </Panel>
  );
}

/** Loads often take less than one. */
function milliseconds(value: number): string {
  return value < 10 ? `${rate(value)} ms` : duration(value);
}

/** Bytes by tenant, most first. */
function byTenant({ tenants: held }: CacheState, tenants: Tenant[]) {
  const names = new Map(tenants.map(({ id, name }) => [id, name]));
  return held
    .map(({ tenantId: id, bytes, entries }) => ({
      id,
      name: names.get(id) ?? `…${id.slice(-6)}`,
      held: bytes,
      adapters: entries,
    }))
    .sort((a, b) => b.held - a.held);
}
