/** Waits longer than this are the caller's to decide on: the error is thrown with `retryAfterSeconds` instead. */
export const longestRetryAfterSeconds = 60;

const firstDelayMs = 250;
const longestDelayMs = 8_000;

/**
 * Seconds to wait from a `Retry-After` header (RFC 9110 section 10.2.3: seconds or an HTTP date); undefined when
 * absent or unreadable, never negative. `nowMs` is in milliseconds since the epoch.
 */
export function parseRetryAfter(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - nowMs) / 1000));
}

/**
 * Milliseconds before retry number `retry` (from 0): exponential, half of it random so that clients that failed
 * together do not come back together, and never sooner than the server asked. `random` is in [0, 1).
 */
export function retryDelayMs(retry: number, retryAfterSeconds: number | undefined, random: number): number {
  const full = Math.min(longestDelayMs, firstDelayMs * 2 ** retry);
  const jittered = full / 2 + (full / 2) * random;
  const asked = (retryAfterSeconds ?? 0) * 1000;
  return asked > 0 ? asked + jittered / 4 : jittered;
}

/** Whether an answer of this status may be asked for again. */
export function isRetryableStatus(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504;
}

/** Waits `ms` milliseconds; rejects with the signal's reason as soon as it aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
