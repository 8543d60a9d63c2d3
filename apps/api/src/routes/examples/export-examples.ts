import { Readable } from 'node:stream';
import type { Example } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import { modelRef } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { ModelPath } from '../path-params.js';

export function exportExamples(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/tasks/:task/users/:user/examples/export',
    {
      config: { problems: ['task_not_found'] },
      schema: {
        operationId: 'exportExamples',
        tags: ['examples'],
        summary: 'Export a user’s examples',
        description:
          'All of them as NDJSON, one a line, oldest first, as of the start of the answer. The lines fit what appending takes, but for `createdAt`.',
        params: ModelPath,
        produces: ['application/x-ndjson'],
      },
    },
    async (request, reply) => {
      const examples = await registry.examples.export(modelRef(tenantOf(request), request.params));
      return reply
        .type('application/x-ndjson; charset=utf-8')
        .header('cache-control', 'no-store')
        .send(Readable.from(lines(examples), { objectMode: false, highWaterMark: 65_536 }));
    },
  );
}

/** Pulled by the connection, so a slow reader slows the reading of segments down. */
async function* lines(examples: AsyncIterable<Example>): AsyncGenerator<string> {
  for await (const example of examples) yield `${JSON.stringify(example)}\n`;
}
