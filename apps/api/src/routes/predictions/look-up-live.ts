import type { ModelRef, ModelVersion, Task } from '@scion/contracts';
import type { ApiDeps } from '../../ports.js';

/** Look-ups under way at a time: a cold one is some requests to the store. */
const AT_ONCE = 32;

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
export async function lookUpLive(
  refs: ModelRef[],
  task: Pick<Task, 'kind'>,
  deps: Deps,
): Promise<{ ref: ModelRef; version: ModelVersion | undefined }[]> {
  const found: { ref: ModelRef; version: ModelVersion | undefined }[] = [];
  let next = 0;
  const work = async () => {
    while (next < refs.length) {
      const at = next;
      next += 1;
      found[at] = { ref: refs[at]!, version: await liveOf(refs[at]!, task, deps) };
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, refs.length) }, work));
  return found;
}
