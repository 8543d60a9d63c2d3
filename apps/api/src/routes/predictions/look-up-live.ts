import type { ModelRef, ModelVersion, Task } from '@scion/contracts';
import type { ApiDeps } from '../../ports.js';
import { readEach } from './read-each.js';

type Deps = { models: Pick<ApiDeps['registry']['models'], 'live'> };

/** The live version of a model. A version of another kind, from before the task was deleted and put anew, is none. */
export async function liveOf(
  ref: ModelRef,
  { kind }: Pick<Task, 'kind'>,
  { models }: Deps,
): Promise<ModelVersion | undefined> {
  const live = await models.live(ref);
  return (live?.card.kind ?? 'classification') === kind ? live : undefined;
}

/** The live version of each model, undefined where there is none. */
export function lookUpLive(
  refs: ModelRef[],
  task: Pick<Task, 'kind'>,
  deps: Deps,
  signal?: AbortSignal,
): Promise<{ ref: ModelRef; version: ModelVersion | undefined }[]> {
  return readEach(refs, async (ref) => ({ ref, version: await liveOf(ref, task, deps) }), signal);
}
