import type { ModelRef } from '@scion/contracts';
import type { ApiDeps } from '../../ports.js';

const waitMs = 60_000;

/**
 * Orders that a worker compacts a user's examples, if they stand in at least `segments`: at the end of the next minute, once
 * for all who order in this one, so that what each does next is done a minute before.
 */
export async function orderCompaction(
  ref: ModelRef,
  segments: number,
  { queue, clock }: Pick<ApiDeps, 'queue' | 'clock'>,
): Promise<void> {
  const now = clock();
  const occasion = `compact-${segments}-${Math.floor(now / waitMs)}`;
  await queue.enqueueRefresh({ ...ref, compact: segments, occasion }, 2 * waitMs - (now % waitMs));
}
