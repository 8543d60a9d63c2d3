import { AppError, type ModelRef, PredictRequest, PredictResponse, type Task } from '@scion/contracts';
import { abortedWith } from '../../http/aborted-with.js';
import { tenantOf } from '../../http/authenticate.js';
import { modelRef } from '../../http/user-id.js';
import type { ApiDeps } from '../../ports.js';
import type { App } from '../../server.js';
import { ModelPath } from '../path-params.js';
import { checkInputs } from './check-inputs.js';
import { liveOf } from './look-up-live.js';
import { requireQuota } from './require-quota.js';
import { toPredictions } from './to-predictions.js';
import { answerUntrained } from './untrained.js';

type Deps = Pick<ApiDeps, 'registry' | 'engine' | 'quota' | 'metrics' | 'meter'>;

export function predict(app: App, deps: Deps): void {
  app.post(
    '/v1/tasks/:task/users/:user/predict',
    {
      config: {
        problems: [
          'task_not_found',
          'model_not_trained',
          'input_empty',
          'input_too_long',
          'too_many_rows',
          'quota_predict_rows',
          'artifact_invalid',
          'base_mismatch',
        ],
      },
      schema: {
        operationId: 'predict',
        tags: ['predictions'],
        summary: 'Predict with a user’s model',
        description:
          'All rows of an answer come from the one version that it names. `RateLimit` headers tell what is left of the tenant’s rows a minute.',
        params: ModelPath,
        body: PredictRequest,
        response: { 200: PredictResponse },
      },
    },
    async (request, reply) => {
      const ref = modelRef(tenantOf(request), request.params);
      const { inputs } = request.body;
      checkInputs(inputs);
      const task = await deps.registry.tasks.get(ref.tenantId, ref.task);
      const { quotas } = await deps.registry.tenants.get(ref.tenantId);
      requireQuota(reply, await deps.quota.take(ref.tenantId, inputs.length, quotas?.predictRowsPerMinute));
      const asked = { ...deps, signal: abortedWith(reply) };
      const answer =
        (await fromModel(ref, task, inputs, asked)) ?? (await answerUntrained([ref], task, inputs, asked))[0];
      if (!answer) {
        throw new AppError(
          'model_not_trained',
          'No version of this user’s model is live; send examples and create a job.',
        );
      }
      deps.metrics.predicted(answer.source, inputs.length);
      deps.meter.predicted(ref.tenantId, inputs.length, reply.elapsedTime);
      if (answer.version !== null) request.log = request.log.child({ modelVersion: answer.version });
      return answer;
    },
  );
}

/** The live version's answer, undefined when there is none. */
async function fromModel(
  ref: ModelRef,
  task: Task,
  inputs: string[],
  { registry, engine, signal }: Deps & { signal: AbortSignal },
): Promise<PredictResponse | undefined> {
  const live = await liveOf(ref, task, registry);
  if (!live) return undefined;
  const { version, adapterSha256 } = live;
  const answer = await engine.predict({ ...ref, version, adapterSha256 }, inputs, { signal });
  return {
    predictions: toPredictions(answer, task),
    source: 'model',
    version,
    adapterSha256,
    baseSha256: engine.base.sha256,
  };
}
