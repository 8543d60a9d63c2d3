import { AppError } from '@scion/contracts';
import { UnrecoverableError } from 'bullmq';
import { JobAborted } from './queue.js';

/**
 * The one place that tells BullMQ not to retry: after an AppError whose problem is not retryable (the same input would
 * fail again), and after a cancellation.
 */
export function forQueue(error: unknown): Error {
  const final =
    (error instanceof AppError && !error.retryable) ||
    (error instanceof JobAborted && error.reason === 'cancelled');
  if (final) return Object.assign(new UnrecoverableError(error.message), { cause: error });
  return error instanceof Error
    ? error
    : new Error('a handler threw something that is no error', { cause: error });
}
