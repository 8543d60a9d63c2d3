import { AppError, type JobFailure } from '@scion/contracts';

/** What a job record says of an error: an AppError's public words, and of anything else only that it happened. */
export function failureOf(error: unknown): JobFailure {
  if (error instanceof AppError) return { code: error.code, detail: error.detail };
  return { code: 'internal', detail: 'Something went wrong on our side; the worker’s log names the job.' };
}

/** Whether the same work may succeed later. Unknown errors may: a lost connection is one of them. */
export function isRetryable(error: unknown): boolean {
  return !(error instanceof AppError) || error.retryable;
}

/** How the log tells of an error: an AppError without its extensions, which may hold labels. */
export function loggedError(error: unknown): Record<string, unknown> {
  if (!(error instanceof AppError)) return { err: error };
  const { code, detail, cause } = error;
  return { code, detail, ...(cause !== undefined && { err: cause }) };
}
