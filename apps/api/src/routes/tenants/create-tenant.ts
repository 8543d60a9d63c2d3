import { Tenant, TenantCreate } from '@scion/contracts';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function createTenant(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.post(
    '/v1/tenants',
    {
      config: { problems: [] },
      schema: {
        operationId: 'createTenant',
        tags: ['tenants'],
        summary: 'Create a tenant',
        body: TenantCreate,
        response: { 201: Tenant },
      },
    },
    async (request, reply) => {
      const tenant = await registry.tenants.create(request.body);
      return reply.code(201).header('location', `/v1/tenants/${tenant.id}`).send(tenant);
    },
  );
}
