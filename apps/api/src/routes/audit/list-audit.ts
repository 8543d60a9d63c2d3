import { AuditEntry, AuditQuery, Page } from '@scion/contracts';
import { principalOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function listAudit(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/audit',
    {
      config: { problems: [] },
      schema: {
        operationId: 'listAudit',
        tags: ['audit'],
        summary: 'List what admins changed and what was taken away',
        description:
          'Newest first. An operator key without Scion-Tenant lists what concerns the deployment; with it, what concerns that tenant, its own calls included.',
        querystring: AuditQuery,
        response: { 200: Page(AuditEntry) },
      },
    },
    async (request) => registry.audit.list(principalOf(request).tenantId, request.query),
  );
}
