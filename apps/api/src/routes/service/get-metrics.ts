import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';

export function getMetrics(app: App, { metrics }: Pick<ApiDeps, 'metrics'>): void {
  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'getMetrics',
        tags: ['health'],
        summary: 'Metrics in Prometheus’ text format',
        description: 'Holds no tenant and no user. Keep it from the public internet all the same.',
      },
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.scrape()),
  );
}
