import type { ModelRef, ModelVersion } from '@scion/contracts';
import type { ApiDeps } from '../../ports.js';

/** Look-ups under way at a time: a cold one is some requests to the store. */
const AT_ONCE = 32;

/** The live version of each model, undefined where there is none. */
export async function lookUpLive(
  refs: ModelRef[],
  { models }: { models: Pick<ApiDeps['registry']['models'], 'live'> },
): Promise<{ ref: ModelRef; version: ModelVersion | undefined }[]> {
  const found: { ref: ModelRef; version: ModelVersion | undefined }[] = [];
  let next = 0;
  const work = async () => {
    while (next < refs.length) {
      const at = next;
      next += 1;
      found[at] = { ref: refs[at]!, version: await models.live(refs[at]!) };
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, refs.length) }, work));
  return found;
}
