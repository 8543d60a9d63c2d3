import { AppError, type Tenant, type TenantCreate, timestamp } from '@scion/contracts';
import type { Tenants } from './accounts.js';
import { indexNames } from './indexes.js';
import { encodeJson, readJson } from './json-object.js';
import { objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import { isId, type RegistryParts } from './parts.js';

export function createTenants(parts: RegistryParts): Tenants {
  const { store, indexes, clock, newId } = parts;
  const cache = parts.cache<Tenant | undefined>('tenant', 1_000);
  const read = (tenantId: string) => readJson<Tenant>(store, objectKeys.tenant(tenantId));

  const make = (
    id: string,
    createdAt: string,
    { name, weight = 1, concurrentJobs, quotas }: TenantCreate,
  ): Tenant => ({
    ...{ id, name, weight },
    ...(concurrentJobs !== undefined && { concurrentJobs }),
    ...(quotas && { quotas }),
    createdAt,
  });
  const missing = () => new AppError('tenant_not_found', 'No tenant has this id.');

  return {
    async put(tenantId, input) {
      const before = isId('tenant', tenantId) ? await read(tenantId) : undefined;
      if (!before) throw missing();
      const tenant = make(tenantId, before.createdAt, input);
      await store.put(objectKeys.tenant(tenantId), encodeJson(tenant));
      await parts.announce('tenant', tenantId);
      return tenant;
    },
    async create(input) {
      const tenant = make(newId('tenant'), timestamp(clock), input);
      await store.put(objectKeys.tenant(tenant.id), encodeJson(tenant));
      await indexes.add(indexNames.tenants, tenant.id);
      return tenant;
    },
    async get(tenantId) {
      const tenant = isId('tenant', tenantId) ? await cache.get(tenantId, () => read(tenantId)) : undefined;
      if (!tenant) throw missing();
      return tenant;
    },
    async list(page) {
      const { members, nextCursor } = await indexes.page(indexNames.tenants, page);
      const tenants = await mapLimit(members, read);
      return { data: tenants.filter((tenant) => tenant !== undefined), nextCursor };
    },
  };
}
