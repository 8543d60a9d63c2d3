import { Page, PageQuery, Tenant } from '@scion/contracts';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function listTenants(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/tenants',
    {
      config: { problems: [] },
      schema: {
        operationId: 'listTenants',
        tags: ['tenants'],
        summary: 'List tenants',
        querystring: PageQuery,
        response: { 200: Page(Tenant) },
      },
    },
    async (request) => registry.tenants.list(request.query),
  );
}
