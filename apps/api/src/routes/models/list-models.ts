import { ModelSummary, ModelsQuery, Page } from '@scion/contracts';
import { principalOf } from '../../http/authenticate.js';
import { checkUserId } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function listModels(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/models',
    {
      config: { problems: [] },
      schema: {
        operationId: 'listModels',
        tags: ['models'],
        summary: 'List models',
        description:
          'By task and user, each with its live version and its last job. A filter on state or time may make a page short: `nextCursor` says whether there is more. An operator key without Scion-Tenant lists those of all tenants.',
        querystring: ModelsQuery,
        response: { 200: Page(ModelSummary) },
      },
    },
    async (request) => {
      const { user } = request.query;
      if (user !== undefined) checkUserId(user, 'query/user');
      return registry.models.list(principalOf(request).tenantId, request.query);
    },
  );
}
