import type * as contracts from '@scion/contracts';
import type { Overview } from '@scion/contracts';
import { isTransient, retryAfter } from './job-events.js';
import type { Query } from './pages.js';
import { retryDelayMs } from './retry.js';
import { readServerSentEvents } from './server-sent-events.js';
import type { Call, Transport } from './transport.js';

export type OverviewQuery = Query<contracts.OverviewQuery>;

export interface WatchOptions {
  /** Ends the iteration; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Told why an attempt brought nothing, each time; another follows. */
  onFailure?: ((error: unknown) => void) | undefined;
}

/**
 * The overview as the service sends it, for as long as somebody listens: a stream that breaks is opened anew, with
 * growing pauses. Rejects with the signal's reason, or with what the service answers to a call that cannot succeed.
 */
export async function* watchOverview(
  transport: Transport,
  { from, to }: OverviewQuery = {},
  { signal, onFailure }: WatchOptions = {},
): AsyncGenerator<Overview, void> {
  for (let failures = 0; ; ) {
    let wait: number | undefined;
    let begun = false;
    try {
      const call: Call = {
        method: 'GET',
        path: '/v1/system/overview',
        query: { from, to },
        headers: { accept: 'text/event-stream' },
        options: { signal, maxRetries: 0 },
      };
      for await (const message of transport.stream(call, readServerSentEvents)) {
        failures = 0;
        begun = true;
        if (message.event === 'overview') yield JSON.parse(message.data) as Overview;
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (!isTransient(error)) throw error;
      // A stream that breaks after it began is resumed before anybody misses it.
      if (!begun) onFailure?.(error);
      wait = retryAfter(error);
    }
    signal?.throwIfAborted();
    await transport.config.sleep(retryDelayMs(failures, wait, transport.config.random()), signal);
    failures += 1;
  }
}
