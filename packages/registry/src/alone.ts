import type { ModelRef } from '@scion/contracts';
import { lockNames } from './indexes.js';
import type { RegistryParts } from './parts.js';

/** Holds every writer of the model off. No other code holds two of these, so the order cannot lock up. */
export function alone<T>(
  { locks }: Pick<RegistryParts, 'locks'>,
  ref: ModelRef,
  work: () => Promise<T>,
): Promise<T> {
  return locks.hold(lockNames.examples(ref), () =>
    locks.hold(lockNames.jobs(ref), () => locks.hold(lockNames.model(ref), work)),
  );
}
