import type { Job, JobEvent, JobState } from '@scion/contracts';
import { ScionError } from './errors.js';
import { path } from './path.js';
import { longestRetryAfterSeconds, retryDelayMs } from './retry.js';
import { readServerSentEvents } from './server-sent-events.js';
import type { Call, Transport } from './transport.js';

export interface JobEventsOptions {
  /** Ends the iteration; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Only events after this one, or whose `seq` is greater; default 0, all of them. */
  after?: number | Pick<JobEvent, 'seq' | 'run'> | undefined;
  /** Failures in a row, without one event in between, before giving up; default: the client's `maxRetries`. */
  maxRetries?: number | undefined;
}

/** Whether a job in this state will not change any more. */
export function isFinished(state: JobState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

/**
 * Adds an event to those received before. A job that is attempted anew tells its story anew: `seq` falls back, and
 * the events from there on, which the attempt before left, are dropped.
 */
export function addJobEvent(received: JobEvent[], event: JobEvent): void {
  while ((received.at(-1)?.seq ?? 0) >= event.seq) received.pop();
  received.push(event);
}

/**
 * A job's events in order, from `after` to its end: past ones first, then as they happen. A broken connection is
 * resumed with `Last-Event-ID`. Ends after the event that says the job finished. `seq` falls back where the job is
 * attempted anew; `addJobEvent` keeps a list right through that.
 */
export async function* jobEvents(
  transport: Transport,
  jobId: string,
  options: JobEventsOptions = {},
): AsyncGenerator<JobEvent, void> {
  const { signal } = options;
  const maxRetries = options.maxRetries ?? transport.config.maxRetries;
  const at = path`/v1/jobs/${jobId}`;
  // Which attempt an event was of decides what comes after it, when another one has begun meanwhile.
  let seen = idOf(options.after ?? 0);
  let failures = 0;
  let fruitless = 0;
  for (;;) {
    let received = 0;
    try {
      const call: Call = {
        method: 'GET',
        path: `${at}/events`,
        headers: { accept: 'text/event-stream', ...(seen !== '0' && { 'last-event-id': seen }) },
        // The loop below is the retry, so that a connect failure and a broken stream share one count.
        options: { signal, maxRetries: 0 },
      };
      for await (const message of transport.stream(call, readServerSentEvents)) {
        const event = parseEvent(message.data);
        if (event === undefined) continue;
        seen = message.id ?? idOf(event);
        received += 1;
        failures = 0;
        yield event;
        if (event.type === 'state' && event.state !== undefined && isFinished(event.state)) return;
      }
      signal?.throwIfAborted();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (!isTransient(error) || failures >= maxRetries) throw error;
      failures += 1;
      await transport.config.sleep(
        retryDelayMs(failures - 1, retryAfter(error), transport.config.random()),
        signal,
      );
      continue;
    }
    // The server closed the stream before the last event, to drain itself or because there is none to come.
    fruitless = received > 0 ? 0 : fruitless + 1;
    if (fruitless > 0) {
      const job = await transport.request<Job>({ method: 'GET', path: at, options: { signal } });
      if (isFinished(job.state)) return;
    }
    await transport.config.sleep(retryDelayMs(fruitless, undefined, transport.config.random()), signal);
  }
}

function idOf(at: number | Pick<JobEvent, 'seq' | 'run'>): string {
  if (typeof at === 'number') return String(at);
  return at.run === undefined ? String(at.seq) : `${at.run}-${at.seq}`;
}

/** Events of other kinds may share the stream; they are skipped. */
function parseEvent(data: string): JobEvent | undefined {
  try {
    const value = JSON.parse(data) as JobEvent | null;
    return Number.isInteger(value?.seq) ? (value as JobEvent) : undefined;
  } catch {
    return undefined;
  }
}

/** Everything but a refusal, ours of what cannot be sent included, and a wait that is the caller's to decide on. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof ScionError)) return true;
  if ((error.retryAfterSeconds ?? 0) > longestRetryAfterSeconds) return false;
  const { code, status } = error;
  return status === undefined ? code !== 'invalid_request' : status === 429 || status >= 502;
}

export function retryAfter(error: unknown): number | undefined {
  return error instanceof ScionError ? error.retryAfterSeconds : undefined;
}
