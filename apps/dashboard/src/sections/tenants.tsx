import type { Page, Tenant } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { plural } from '../format.js';
import type { Live } from '../live.js';
import { chosenTenant, hrefOf } from '../navigation.js';
import { Command, Copyable } from '../parts/copyable.js';
import { Empty, ErrorNote, Loading } from '../parts/notice.js';
import { Time } from '../parts/time.js';
import { Section } from './section.js';

/** From this many on, looking for one by eye takes too long. */
const filterFrom = 8;

export function TenantsSection({ tenants }: { tenants: Live<Page<Tenant>> }) {
  const [filter, setFilter] = useState('');
  const all = tenants.data?.data ?? [];
  const needle = filter.trim().toLowerCase();
  const shown = all.filter((tenant) => `${tenant.name} ${tenant.id}`.toLowerCase().includes(needle));
  return (
    <Section
      name="tenants"
      title="Tenants"
      actions={
        all.length >= filterFrom && (
          <input
            type="search"
            placeholder="Find by name or id"
            aria-label="Find a tenant"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        )
      }
    >
      {tenants.error !== undefined && (
        <ErrorNote error={tenants.error} retry={tenants.refresh} stale={tenants.data !== undefined} />
      )}
      {!tenants.data && tenants.error === undefined && <Loading rows={1} what="tenants" />}
      {tenants.data && all.length === 0 && (
        <Empty title="No tenants yet">
          <p>A tenant is a customer of this service. Create the first one:</p>
          <Command>{`curl -X POST ${location.origin}/v1/tenants \\
  -H "authorization: Bearer $SCION_KEY" \\
  -H "content-type: application/json" \\
  -d '{"name":"Orchard Mail"}'`}</Command>
        </Empty>
      )}
      {all.length > 0 && (
        <ul class="tenants">
          {shown.map((tenant) => (
            <li key={tenant.id} class="tenant">
              <a
                class="tenant-name"
                href={hrefOf({ tenant: tenant.id, section: 'tenants' })}
                aria-current={chosenTenant.value === tenant.id ? 'true' : undefined}
              >
                {tenant.name}
              </a>
              <span class="quiet">
                since <Time at={tenant.createdAt} />
              </span>
              <Copyable value={tenant.id} shown={`…${tenant.id.slice(-8)}`} what="tenant id" />
            </li>
          ))}
        </ul>
      )}
      {needle !== '' && shown.length === 0 && (
        <p class="quiet">None of {plural(all.length, 'tenant')} matches.</p>
      )}
      {tenants.data?.nextCursor && (
        <p class="quiet">These are the first {all.length}; reach any other by its address, #/ten_….</p>
      )}
    </Section>
  );
}
