import { Tenant, TenantId } from '@scion/contracts';
import { Type } from 'typebox';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function getTenant(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/tenants/:tenant',
    {
      config: { problems: ['tenant_not_found'] },
      schema: {
        operationId: 'getTenant',
        tags: ['tenants'],
        summary: 'Get a tenant',
        params: Type.Object({ tenant: TenantId }),
        response: { 200: Tenant },
      },
    },
    async (request) => registry.tenants.get(request.params.tenant),
  );
}
