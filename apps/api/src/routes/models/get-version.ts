import { ModelVersion } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import { modelRef } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { VersionPath } from '../path-params.js';

export function getVersion(app: App, { registry }: Pick<ApiDeps, 'registry'>): void {
  app.get(
    '/v1/tasks/:task/users/:user/versions/:version',
    {
      config: { problems: ['task_not_found', 'version_not_found'] },
      schema: {
        operationId: 'getVersion',
        tags: ['models'],
        summary: 'Get one version of a model',
        params: VersionPath,
        response: { 200: ModelVersion },
      },
    },
    async (request) => {
      const { version, ...names } = request.params;
      return registry.models.version(modelRef(tenantOf(request), names), version);
    },
  );
}
