import { Page, ProcessCache } from '@scion/contracts';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function listCaches(app: App, { meter }: Pick<ApiDeps, 'meter'>): void {
  app.get(
    '/v1/system/caches',
    {
      config: { problems: [] },
      schema: {
        operationId: 'listCaches',
        tags: ['system'],
        summary: 'Which models are in memory, by API process',
        description:
          'As each process told within the last 15 seconds. A process that has just started, or has lost Redis, may be missing.',
        response: { 200: Page(ProcessCache) },
      },
    },
    async () => ({ data: await meter.caches(), nextCursor: null }),
  );
}
