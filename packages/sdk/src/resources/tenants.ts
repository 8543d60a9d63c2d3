import type { Page, Tenant, TenantCreate } from '@scion/contracts';
import { type PageOptions, type PagePromise, paged } from '../pages.js';
import { path } from '../path.js';
import type { CallOptions, Transport } from '../transport.js';

/** Customers of the service; needs an operator key. */
export interface Tenants {
  create(tenant: TenantCreate, options?: CallOptions): Promise<Tenant>;
  list(page?: PageOptions, options?: CallOptions): PagePromise<Tenant>;
  get(tenantId: string, options?: CallOptions): Promise<Tenant>;
  /** Replaces name, share and quotas as a whole. */
  put(tenantId: string, tenant: TenantCreate, options?: CallOptions): Promise<Tenant>;
}

export function createTenants({ request }: Transport): Tenants {
  return {
    create: (body, options) => request({ method: 'POST', path: '/v1/tenants', body, options }),
    list: ({ cursor, limit } = {}, options) =>
      paged(
        (from) =>
          request<Page<Tenant>>({
            method: 'GET',
            path: '/v1/tenants',
            query: { cursor: from, limit },
            options,
          }),
        cursor,
      ),
    put: (tenantId, body, options) =>
      request({ method: 'PUT', path: path`/v1/tenants/${tenantId}`, body, options }),
    get: (tenantId, options) => request({ method: 'GET', path: path`/v1/tenants/${tenantId}`, options }),
  };
}
