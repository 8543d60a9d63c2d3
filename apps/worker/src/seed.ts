import { createHash } from 'node:crypto';
import type { ModelRef } from '@scion/contracts';

/** The seed of a model's folds, 32 bits: the same at every retry and every retraining, different between models. */
export function seedOf({ tenantId, task, user }: ModelRef): number {
  return createHash('sha256').update([tenantId, task, user].join('\0')).digest().readUInt32BE();
}
