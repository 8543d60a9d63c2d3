import '../../styles/tenants.css';
import type { Tenant } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { useRows } from '../../data/rows.js';
import { count } from '../../format.js';
import { hrefOf } from '../../navigation.js';
import { Copyable } from '../../parts/copyable.js';
import { LongTable } from '../../parts/long-table.js';
import { Empty } from '../../parts/notice.js';
import { PageHead } from '../../parts/page-head.js';
import { Time } from '../../parts/time.js';
import { may } from '../../session.js';
import type { ServicePageProps } from '../pages.js';
import { AuditLog } from './audit-log.js';
import { Keys } from './keys.js';
import { TenantEditor } from './tenant-editor.js';

/** Every customer of the service, the operator's own keys, and what was changed of the deployment. */
export function TenantsPage({ client, tenants: picker }: ServicePageProps) {
  const [creates, setCreates] = useState(false);
  const tenants = useRows<Tenant>({
    key: 'tenants',
    load: (cursor, signal) => client.tenants.list({ cursor, limit: 100 }, { signal }),
    idOf: ({ id }) => id,
    intervalMs: 10_000,
  });
  return (
    <>
      <PageHead
        title="Tenants"
        about="Customers of this service. None ever sees another."
        actions={
          may('operate') && (
            <button type="button" class="button button-main" onClick={() => setCreates(true)}>
              New tenant
            </button>
          )
        }
      />
      <LongTable
        rows={tenants}
        what="tenants"
        caption="Tenants"
        head={<TenantHead />}
        idOf={({ id }) => id}
        row={(tenant, index) => <TenantRow tenant={tenant} index={index} />}
        empty={
          <Empty title="No tenants yet">
            <p>A tenant owns keys, tasks and webhooks, and the models of its own users.</p>
          </Empty>
        }
      />
      <Keys
        title="Operator keys"
        note="see every tenant; a read-only one changes nothing"
        client={client}
        operator
      />
      <AuditLog client={client} note="of the deployment, newest first; each tenant has its own" />
      {creates && (
        <TenantEditor
          client={client}
          onDone={() => {
            tenants.refresh();
            picker.refresh();
          }}
          onClose={() => setCreates(false)}
        />
      )}
    </>
  );
}

function TenantHead() {
  return (
    <tr>
      <th scope="col">Name</th>
      <th scope="col" class="col-number number from-small">
        Weight
      </th>
      <th scope="col" class="col-outcome number from-medium">
        Jobs at once
      </th>
      <th scope="col" class="col-time">
        Since
      </th>
      <th scope="col" class="col-outcome from-small">
        Id
      </th>
    </tr>
  );
}

function TenantRow({ tenant, index }: { tenant: Tenant; index: number }) {
  return (
    <tr class="row" aria-rowindex={index}>
      <td class="cell-clip">
        <a class="row-link" href={hrefOf({ page: 'tenant', tenant: tenant.id })}>
          {tenant.name}
        </a>
      </td>
      <td class="number from-small">{tenant.weight ?? 1}</td>
      <td class="number from-medium">
        {tenant.concurrentJobs === undefined ? 'no limit' : count(tenant.concurrentJobs)}
      </td>
      <td>
        <Time at={tenant.createdAt} as="ago" />
      </td>
      <td class="from-small cell-above">
        <Copyable value={tenant.id} shown={`…${tenant.id.slice(-10)}`} what="tenant id" />
      </td>
    </tr>
  );
}
