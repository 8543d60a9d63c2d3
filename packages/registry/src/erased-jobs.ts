import { AppError, type Clock, type ModelRef, timestamp } from '@scion/contracts';
import type { ObjectStore } from '@scion/store';
import { encodeJson } from './json-object.js';
import { objectKeys } from './keys.js';

/** Says for good that a job was erased, under its id alone: whatever still runs for it can publish nothing. */
export async function markJobErased(
  store: ObjectStore,
  clock: Clock,
  tenantId: string,
  jobId: string,
): Promise<void> {
  await store.put(objectKeys.erasedJob(tenantId, jobId), encodeJson({ at: timestamp(clock) }));
}

export async function requireJobNotErased(store: ObjectStore, ref: ModelRef, jobId: string): Promise<void> {
  if (await store.head(objectKeys.erasedJob(ref.tenantId, jobId))) {
    throw new AppError('job_not_found', 'The job was erased with its user.');
  }
}
