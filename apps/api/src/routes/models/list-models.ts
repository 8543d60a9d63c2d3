import { ModelSummary, Page, PageQuery, TaskName } from '@scion/contracts';
import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
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
        summary: 'List trained models',
        querystring: Type.Object(
          { ...PageQuery.properties, task: Type.Optional(TaskName) },
          { additionalProperties: false },
        ),
        response: { 200: Page(ModelSummary) },
      },
    },
    async (request) => registry.models.list(tenantOf(request), request.query),
  );
}
