import type { ModelRef } from '@scion/contracts';
import type { ApiDeps } from '../../ports.js';

const waitMs = 60_000;

/** Orders that a worker compacts a user's examples soon, if they stand in at least `segments`; once a minute and user. */
export async function orderCompaction(
  ref: ModelRef,
  segments: number,
  { queue, clock }: Pick<ApiDeps, 'queue' | 'clock'>,
): Promise<void> {
  const occasion = `compact-${segments}-${Math.floor(clock() / waitMs)}`;
  await queue.enqueueRefresh({ ...ref, compact: segments, occasion }, waitMs);
}
