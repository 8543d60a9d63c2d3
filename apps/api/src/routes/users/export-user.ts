import { Readable } from 'node:stream';
import { tenantOf } from '../../http/authenticate.js';
import { checkUserId } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { UserPath } from '../path-params.js';

export function exportUser(app: App, { registry, engine }: Pick<ApiDeps, 'registry' | 'engine'>): void {
  app.get(
    '/v1/users/:user/export',
    {
      config: { problems: ['user_not_found'] },
      schema: {
        operationId: 'exportUser',
        tags: ['users'],
        summary: 'Export a user',
        description:
          'One tar archive: examples, versions with their adapters, switches of `live` and records of ended jobs, in all tasks, and a manifest with the hash of each file. Another deployment on the same base can import it.',
        params: UserPath,
        produces: ['application/x-tar'],
      },
    },
    async (request, reply) => {
      const { user } = request.params;
      checkUserId(user, 'path/user');
      const archive = await registry.users.export(tenantOf(request), user, engine.base);
      return reply
        .type('application/x-tar')
        .header('cache-control', 'no-store')
        .header('content-disposition', 'attachment; filename="user.tar"')
        .send(Readable.from(archive, { objectMode: false, highWaterMark: 65_536 }));
    },
  );
}
