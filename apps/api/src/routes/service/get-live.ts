import { Type } from 'typebox';
import type { App } from '../../server.js';

export function getLive(app: App): void {
  app.get(
    '/health/live',
    {
      schema: {
        operationId: 'getLive',
        tags: ['health'],
        summary: 'Whether the process runs',
        description: 'Says nothing of its parts: restart the process when this fails.',
        response: { 200: Type.Object({ status: Type.Literal('live') }) },
      },
    },
    async () => ({ status: 'live' as const }),
  );
}
