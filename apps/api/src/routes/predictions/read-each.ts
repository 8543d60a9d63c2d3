import type { ModelRef } from '@scion/contracts';

/** Users read of at a time: a cold one is some requests to the store. */
const AT_ONCE = 32;

/** What `read` gives of each user, in their order. Rejects, and reads no further, once the signal is aborted. */
export async function readEach<R>(
  refs: ModelRef[],
  read: (ref: ModelRef) => Promise<R>,
  signal?: AbortSignal,
): Promise<R[]> {
  const found: R[] = [];
  let next = 0;
  const work = async () => {
    while (next < refs.length) {
      signal?.throwIfAborted();
      const at = next;
      next += 1;
      found[at] = await read(refs[at]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, refs.length) }, work));
  return found;
}
