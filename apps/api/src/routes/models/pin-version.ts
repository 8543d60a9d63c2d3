import { ModelVersion } from '@scion/contracts';
import { principalOf, tenantOf } from '../../http/authenticate.js';
import { modelRef } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { VersionPath } from '../path-params.js';

export function pinVersion(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.put(
    '/v1/tasks/:task/users/:user/versions/:version/pin',
    {
      config: { problems: ['task_not_found', 'version_not_found', 'user_importing'] },
      schema: {
        operationId: 'pinVersion',
        tags: ['models'],
        summary: 'Pin a version',
        description:
          'A pinned version is never removed by the task’s retention, and while it is live no job replaces it.',
        params: VersionPath,
        response: { 200: ModelVersion },
      },
    },
    async (request) => {
      const { version, ...names } = request.params;
      const ref = modelRef(tenantOf(request), names);
      return registry.models.setPinned(ref, version, true, principalOf(request).keyId);
    },
  );
}
