import { Tenant, TenantCreate, TenantId } from '@scion/contracts';
import { Type } from 'typebox';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function putTenant(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.put(
    '/v1/tenants/:tenant',
    {
      config: { problems: ['tenant_not_found'] },
      schema: {
        operationId: 'putTenant',
        tags: ['tenants'],
        summary: 'Change a tenant',
        description:
          'Replaces name, share and quotas as a whole; they hold within a second everywhere. Jobs that wait keep the share they were queued with.',
        params: Type.Object({ tenant: TenantId }),
        body: TenantCreate,
        response: { 200: Tenant },
      },
    },
    async (request) => registry.tenants.put(request.params.tenant, request.body),
  );
}
