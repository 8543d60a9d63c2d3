import { ModelVersion } from '@scion/contracts';
import { principalOf, tenantOf } from '../../http/authenticate.js';
import { modelRef } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { VersionPath } from '../path-params.js';

export function unpinVersion(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.delete(
    '/v1/tasks/:task/users/:user/versions/:version/pin',
    {
      config: { problems: ['task_not_found', 'version_not_found', 'user_importing'] },
      schema: {
        operationId: 'unpinVersion',
        tags: ['models'],
        summary: 'Take the pin off a version',
        description: 'The version is kept or removed like any other from now on.',
        params: VersionPath,
        response: { 200: ModelVersion },
      },
    },
    async (request) => {
      const { version, ...names } = request.params;
      const ref = modelRef(tenantOf(request), names);
      return registry.models.setPinned(ref, version, false, principalOf(request).keyId);
    },
  );
}
