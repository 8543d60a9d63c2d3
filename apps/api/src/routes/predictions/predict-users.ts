import {
  AppError,
  limits,
  type PredictResponse,
  PredictUsersRequest,
  PredictUsersResponse,
  type Task,
  type UserAnswer,
} from '@scion/contracts';
import { abortedWith } from '../../http/aborted-with.js';
import { tenantOf } from '../../http/authenticate.js';
import { checkUserId } from '../../http/user-id.js';
import type { ApiDeps, LabelProbabilities } from '../../ports.js';
import type { App } from '../../server.js';
import { TaskPath } from '../path-params.js';
import { checkInputs } from './check-inputs.js';
import { lookUpLive } from './look-up-live.js';
import { requireQuota } from './require-quota.js';
import { toPredictions } from './to-predictions.js';
import { answerUntrained } from './untrained.js';

type Deps = Pick<ApiDeps, 'registry' | 'engine' | 'quota' | 'metrics' | 'meter'>;
type Live = Awaited<ReturnType<typeof lookUpLive>>[number];

export function predictUsers(app: App, deps: Deps): void {
  app.post(
    '/v1/tasks/:task/predict',
    {
      config: {
        problems: [
          'task_not_found',
          'input_empty',
          'input_too_long',
          'too_many_rows',
          'quota_predict_rows',
          'artifact_invalid',
          'base_mismatch',
        ],
      },
      schema: {
        operationId: 'predictUsers',
        tags: ['predictions'],
        summary: 'Predict the same inputs with the models of many users',
        description:
          'The inputs pass the shared layers once, so that asking a hundred users’ models costs far less than a hundred requests. One result a user, in the order asked; a user whose model cannot answer gets a problem instead.',
        params: TaskPath,
        body: PredictUsersRequest,
        response: { 200: PredictUsersResponse },
      },
    },
    async (request, reply) => {
      const tenantId = tenantOf(request);
      const { inputs, users } = request.body;
      checkInputs(inputs);
      for (const [index, user] of users.entries()) checkUserId(user, `/users/${index}`);
      const rows = inputs.length * users.length;
      if (rows > limits.predictUserRowsPerRequest)
        throw new AppError(
          'too_many_rows',
          `Inputs times users is ${rows}; at most ${limits.predictUserRowsPerRequest} are answered at once.`,
        );
      const task = await deps.registry.tasks.get(tenantId, request.params.task);
      const { quotas } = await deps.registry.tenants.get(tenantId);
      requireQuota(reply, await deps.quota.take(tenantId, rows, quotas?.predictRowsPerMinute));
      const refs = users.map((user) => ({ tenantId, task: task.name, user }));
      const signal = abortedWith(reply);
      const live = await lookUpLive(refs, task, deps.registry, signal);
      const trained = live.filter(({ version }) => version !== undefined);
      const answers = await deps.engine.predictEach(
        trained.map(({ ref, version }) => ({
          ...ref,
          version: version!.version,
          adapterSha256: version!.adapterSha256,
        })),
        inputs,
        { signal },
      );
      const byUser = new Map(trained.map((one, at) => [one.ref.user, fromModel(one, task, answers[at]!)]));
      const untrained = live.filter(({ version }) => version === undefined).map(({ ref }) => ref);
      const fallbacks = await answerUntrained(untrained, task, inputs, { ...deps, signal });
      for (const [at, { user }] of untrained.entries()) byUser.set(user, fromPolicy(user, fallbacks[at]));
      const results = users.map((user) => byUser.get(user)!);
      for (const result of results)
        if ('source' in result) deps.metrics.predicted(result.source, inputs.length);
      deps.meter.predicted(tenantId, rows, reply.elapsedTime);
      return { results, baseSha256: deps.engine.base.sha256 };
    },
  );
}

function fromModel(
  { ref: { user }, version }: Live,
  task: Task,
  answer: PromiseSettledResult<LabelProbabilities>,
): UserAnswer {
  if (answer.status === 'rejected') return problemOf(user, answer.reason);
  return {
    user,
    predictions: toPredictions(answer.value, task),
    source: 'model',
    version: version!.version,
    adapterSha256: version!.adapterSha256,
  };
}

function fromPolicy(user: string, answer: PredictResponse | undefined): UserAnswer {
  if (!answer)
    return problemOf(user, new AppError('model_not_trained', 'No version of this user’s model is live.'));
  const { baseSha256: _, ...rest } = answer;
  return { user, ...rest };
}

/** Of one user alone. What concerns all, as a busy engine does, fails the request. */
function problemOf(user: string, error: unknown): UserAnswer {
  const own = ['artifact_invalid', 'base_mismatch', 'model_not_trained'];
  if (!(error instanceof AppError) || !own.includes(error.code)) throw error;
  return { user, problem: { code: error.code, detail: error.detail } };
}
