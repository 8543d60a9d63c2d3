import { Prefetched, PrefetchRequest } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import { checkUserId } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { TaskPath } from '../path-params.js';
import { lookUpLive } from './look-up-live.js';

export function prefetchModels(app: App, { registry, engine }: Pick<ApiDeps, 'registry' | 'engine'>): void {
  app.post(
    '/v1/tasks/:task/prefetch',
    {
      config: { problems: ['task_not_found'] },
      schema: {
        operationId: 'prefetchModels',
        tags: ['predictions'],
        summary: 'Say whose models will be asked soon',
        description:
          'A hint: the models are loaded into the cache of the process that answers, in the background and as far as there is room, so that the first prediction need not wait for the store. Who has no model yet is passed over.',
        params: TaskPath,
        body: PrefetchRequest,
        response: { 202: Prefetched },
      },
    },
    async (request, reply) => {
      const tenantId = tenantOf(request);
      const { users } = request.body;
      for (const [index, user] of users.entries()) checkUserId(user, `/users/${index}`);
      const task = await registry.tasks.get(tenantId, request.params.task);
      const live = await lookUpLive(
        users.map((user) => ({ tenantId, task: task.name, user })),
        task,
        registry,
      );
      const keys = live.flatMap(({ ref, version }) =>
        version ? [{ ...ref, version: version.version, adapterSha256: version.adapterSha256 }] : [],
      );
      engine.prefetch(keys);
      reply.status(202);
      return { models: keys.length };
    },
  );
}
