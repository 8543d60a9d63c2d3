import { Key, Page, PageQuery } from '@scion/contracts';
import { principalOf } from '../../http/authenticate.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function listKeys(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/keys',
    {
      config: { problems: [] },
      schema: {
        operationId: 'listKeys',
        tags: ['keys'],
        summary: 'List API keys',
        querystring: PageQuery,
        response: { 200: Page(Key) },
      },
    },
    async (request) => registry.keys.list(principalOf(request).tenantId, request.query),
  );
}
