import { AppError, type Tenant, timestamp } from '@scion/contracts';
import { indexNames } from './indexes.js';
import { encodeJson, readJson } from './json-object.js';
import { objectKeys } from './keys.js';
import { mapLimit } from './map-limit.js';
import { isId, type RegistryParts } from './parts.js';
import type { Tenants } from './registry.js';

export function createTenants(parts: RegistryParts): Tenants {
  const { store, indexes, clock, newId } = parts;
  const cache = parts.cache<Tenant | undefined>('tenant', 1_000);
  const read = (tenantId: string) => readJson<Tenant>(store, objectKeys.tenant(tenantId));

  return {
    async create({ name, weight = 1, concurrentJobs }) {
      const tenant: Tenant = {
        ...{ id: newId('tenant'), name, weight },
        ...(concurrentJobs !== undefined && { concurrentJobs }),
        createdAt: timestamp(clock),
      };
      await store.put(objectKeys.tenant(tenant.id), encodeJson(tenant));
      await indexes.add(indexNames.tenants, tenant.id);
      return tenant;
    },
    async get(tenantId) {
      const tenant = isId('tenant', tenantId) ? await cache.get(tenantId, () => read(tenantId)) : undefined;
      if (!tenant) throw new AppError('tenant_not_found', 'No tenant has this id.');
      return tenant;
    },
    async list(page) {
      const { members, nextCursor } = await indexes.page(indexNames.tenants, page);
      const tenants = await mapLimit(members, read);
      return { data: tenants.filter((tenant) => tenant !== undefined), nextCursor };
    },
  };
}
