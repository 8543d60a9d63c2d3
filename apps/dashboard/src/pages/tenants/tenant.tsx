import '../../styles/tenants.css';
import type { ComponentChildren } from 'preact';
import { hrefOf, route } from '../../navigation.js';
import { Copyable } from '../../parts/copyable.js';
import { PageHead } from '../../parts/page-head.js';
import { type TenantTab, tenantTabs } from '../../route.js';
import { isOperator } from '../../session.js';
import type { TenantPageProps } from '../pages.js';
import { AuditLog } from './audit-log.js';
import { Keys } from './keys.js';
import { Tasks } from './tasks.js';
import { Usage } from './usage.js';
import { Webhooks } from './webhooks.js';

const titles: Record<TenantTab, string> = {
  usage: 'Usage',
  keys: 'Keys',
  tasks: 'Tasks',
  webhooks: 'Webhooks',
  audit: 'Audit log',
};

/** One customer: what it uses, its keys, its tasks, its webhooks, and who changed what. */
export function TenantPage({ scope, tenants }: TenantPageProps) {
  const tab = route.value.tab ?? 'usage';
  const tenant = tenants.data?.data.find(({ id }) => id === scope.tenantId);
  const parts: Record<TenantTab, ComponentChildren> = {
    usage: <Usage scope={scope} tenant={tenant} onChange={tenants.refresh} />,
    keys: (
      <Keys title="Keys" note="each may do what its scopes say, none implies another" client={scope.client} />
    ),
    tasks: <Tasks scope={scope} />,
    webhooks: <Webhooks scope={scope} />,
    audit: <AuditLog client={scope.client} note="newest first; names no user" />,
  };
  return (
    <>
      <PageHead
        title={tenant?.name ?? 'Tenant'}
        within={isOperator.value && <a href={hrefOf({ page: 'tenants' })}>Tenants</a>}
        about={<Copyable value={scope.tenantId} what="tenant id" />}
      />
      <nav class="tabs" aria-label="Parts of the tenant">
        {tenantTabs.map((name) => (
          <a
            key={name}
            href={hrefOf({ page: 'tenant', tab: name })}
            aria-current={name === tab ? 'page' : undefined}
          >
            {titles[name]}
          </a>
        ))}
      </nav>
      {parts[tab]}
    </>
  );
}
