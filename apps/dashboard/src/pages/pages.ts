import type { Client, Page as RowsPage, Tenant } from '@scion/sdk';
import type { Live } from '../data/live.js';
import { lazy } from '../parts/lazy.js';
import type { ListScope, Scope } from '../scope.js';

/** Of a page about the service as a whole. */
export interface ServicePageProps {
  client: Client;
  tenants: Live<RowsPage<Tenant>>;
}
/** Of a list that may be of all tenants. */
export interface ListPageProps {
  scope: ListScope;
}
/** Of a page about one tenant. */
export interface TenantPageProps {
  scope: Scope;
  tenants: Live<RowsPage<Tenant>>;
}

/** Each page's code is fetched when it is first visited. */
export const pages = {
  service: {
    overview: lazy<ServicePageProps>(async () => (await import('./overview/overview.js')).OverviewPage),
    tenants: lazy<ServicePageProps>(async () => (await import('./tenants/tenants.js')).TenantsPage),
    cache: lazy<ServicePageProps>(async () => (await import('./cache/cache.js')).CachePage),
  },
  lists: {
    jobs: lazy<ListPageProps>(async () => (await import('./jobs/jobs.js')).JobsPage),
    models: lazy<ListPageProps>(async () => (await import('./models/models.js')).ModelsPage),
  },
  tenant: {
    jobs: lazy<TenantPageProps>(async () => (await import('./jobs/job.js')).JobPage),
    models: lazy<TenantPageProps>(async () => (await import('./models/model.js')).ModelPage),
    playground: lazy<TenantPageProps>(
      async () => (await import('./playground/playground.js')).PlaygroundPage,
    ),
    tenant: lazy<TenantPageProps>(async () => (await import('./tenants/tenant.js')).TenantPage),
  },
};
