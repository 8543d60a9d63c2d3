import { AppError, archiveInvalid, limits, UserId, UserImported } from '@scion/contracts';
import type { Rebind } from '@scion/registry';
import { Type } from 'typebox';
import { tenantOf } from '../../http/authenticate.js';
import { checkUserId } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { noRoom, roomOf } from '../examples/require-room.js';

export function importUser(app: App, deps: Pick<ApiDeps, 'registry' | 'engine' | 'settings'>): void {
  const { registry, engine } = deps;
  const rebind: Rebind = (adapter, from, to) => {
    try {
      return engine.rebind(adapter, from, to);
    } catch (error) {
      // To the caller it is the archive that does not fit, not a stored model that is damaged.
      if (!(error instanceof AppError)) throw error;
      throw archiveInvalid(error.detail.replace(/\.$/, ''));
    }
  };
  // A scope of its own, so that no other route reads archives.
  app.register(async (scope: App) => {
    scope.addContentTypeParser(
      'application/x-tar',
      { parseAs: 'buffer', bodyLimit: limits.archiveBytes },
      async (_request: unknown, body: Buffer) => body,
    );
    scope.post(
      '/v1/users/import',
      {
        bodyLimit: limits.archiveBytes,
        // Bytes, which `readArchive` checks: the schema only documents them.
        validatorCompiler: () => (value) => ({ value }),
        config: {
          problems: [
            ...(['archive_invalid', 'user_exists', 'task_not_found'] as const),
            ...(['quota_users', 'quota_examples', 'quota_storage'] as const),
          ],
        },
        schema: {
          operationId: 'importUser',
          tags: ['users'],
          summary: 'Import a user',
          description:
            'An archive that `GET …/export` gave, here or in another deployment, of at most 128 MiB. The tenant must not know the user, must have tasks of the same names and kinds, and the base must be the same. Everything is checked before anything is stored; adapters are bound to their new owner, jobs get new ids.',
          consumes: ['application/x-tar'],
          querystring: Type.Object(
            {
              as: Type.Optional({
                ...UserId,
                description: 'Another id for the user; left out, the one it had',
              }),
            },
            { additionalProperties: false },
          ),
          body: Type.Unsafe<Buffer>({ type: 'string' }),
          response: { 201: UserImported },
        },
      },
      async (request, reply) => {
        const { as } = request.query;
        if (as !== undefined) checkUserId(as, 'query/as');
        const { body } = request;
        if (!Buffer.isBuffer(body)) {
          throw new AppError('unsupported_media_type', 'Send the archive as application/x-tar.');
        }
        const tenantId = tenantOf(request);
        const imported = await registry.users.import(
          ...([tenantId, body, rebind, as] as const),
          async ({ user, tasks, bytes }) => {
            for (const { task, examples } of tasks) {
              const room = await roomOf(tenantId, await registry.tasks.get(tenantId, task), deps);
              if (examples <= room) continue;
              const detail = `A user keeps at most ${room} examples for \`${task}\`, and the archive has ${examples}. Nothing of it was stored.`;
              throw noRoom(detail, room, 0);
            }
            await registry.usage.admitUser({ tenantId, user });
            const all = tasks.reduce((sum, { examples }) => sum + examples, 0);
            await registry.usage.admitExamples(tenantId, all);
            await registry.usage.admitBytes(tenantId, bytes);
          },
        );
        return reply.code(201).send(imported);
      },
    );
  });
}
