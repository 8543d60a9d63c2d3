import { setTimeout as delay } from 'node:timers/promises';
import type { Erasure } from '@scion/contracts';
import type { ErasureRequest } from '@scion/registry';
import { eventIdOf } from '@scion/webhooks';
import type { ApiDeps } from '../../ports.js';

/** A worker looks for its signal between two steps of training; one that has died is noticed later than this. */
const stopWaitMs = 10_000;
const pollMs = 20;

/** Erases a user, and waits a while for workers to let go of jobs that ran. */
export async function erase(
  request: ErasureRequest,
  { registry, queue, webhooks }: Pick<ApiDeps, 'registry' | 'queue' | 'webhooks'>,
): Promise<Erasure> {
  let stopping: string[] = [];
  const forget = async (jobIds: string[]): Promise<string[]> => {
    const held: string[] = [];
    for (const jobId of jobIds) if (!(await queue.forget(jobId))) held.push(jobId);
    return held;
  };
  const erased = await registry.users.erase(
    request,
    async (ref, jobIds) => {
      await queue.forgetLooks(ref);
      for (const jobId of jobIds) await queue.requestCancel(jobId);
      stopping.push(...(await forget(jobIds)));
    },
    (proof) =>
      webhooks.announce({
        ...{ id: eventIdOf(proof.id), tenantId: proof.tenantId, type: 'user.erased' },
        ...{ timestamp: proof.erasedAt, data: proof },
      }),
  );
  const deadline = performance.now() + stopWaitMs;
  while (stopping.length > 0 && performance.now() < deadline) {
    await delay(pollMs);
    stopping = await forget(stopping);
  }
  return { ...erased, stoppingJobs: stopping };
}
