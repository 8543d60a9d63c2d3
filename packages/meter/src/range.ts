import { AppError } from '@scion/contracts';
import { keptMinutes, minuteMs } from './buckets.js';

/** A stretch of time in buckets of equal length, all in minutes since the epoch. */
export interface Range {
  first: number;
  /** One past the last. */
  end: number;
  step: number;
}

const steps = [1, 2, 5, 10, 15];
/** More points than this no chart needs. */
const mostBuckets = 100;

/**
 * The range from `from` to `to` (default: the hour until now), cut to what is kept and widened to whole buckets. The
 * last bucket is the one that is still being counted, where the range ends now.
 */
export function rangeOf({ from, to }: { from?: string; to?: string }, nowMs: number): Range {
  const toMs = Math.min(to === undefined ? nowMs : Date.parse(to), nowMs);
  const fromMs = from === undefined ? toMs - 60 * minuteMs : Date.parse(from);
  if (!(fromMs < toMs)) {
    const errors = [{ path: 'query/from', message: 'must lie before query/to, and before now' }];
    throw new AppError('invalid_request', '`from` must lie before `to`, and before now.', { errors });
  }
  const end = Math.floor(toMs / minuteMs) + 1;
  const oldest = Math.floor(nowMs / minuteMs) + 1 - keptMinutes;
  const wanted = Math.max(oldest, Math.floor(fromMs / minuteMs));
  const length = Math.max(1, end - wanted);
  const step = steps.find((minutes) => length / minutes <= mostBuckets) ?? steps.at(-1)!;
  const lastStart = Math.floor((end - 1) / step) * step;
  const count = Math.max(1, Math.ceil((lastStart + step - wanted) / step));
  return { first: lastStart - (count - 1) * step, end: lastStart + step, step };
}
