import type * as contracts from '@scion/contracts';
import type { Job, JobCreate, JobEvent, JobLogLine, Page } from '@scion/contracts';
import { isScionError } from '../errors.js';
import { isFinished, type JobEventsOptions, jobEvents } from '../job-events.js';
import { type JobMetric, jobMetrics } from '../job-metrics.js';
import { type PagePromise, paged, type Query } from '../pages.js';
import { path } from '../path.js';
import { retryDelayMs } from '../retry.js';
import type { CallOptions, Transport } from '../transport.js';

export interface JobWaitOptions extends JobEventsOptions {
  /** Called with each event, in order. */
  onEvent?(event: JobEvent): void;
}

export type JobsQuery = Query<contracts.JobsQuery>;

/** Fine-tuning runs; needs scope `train`. */
export interface Jobs {
  /** Asks for a training run. While one of the same model is still queued, that one is returned. */
  create(job: JobCreate, options?: CallOptions): Promise<Job>;
  /** Newest first; an operator's client without a tenant lists those of all. */
  list(query?: JobsQuery, options?: CallOptions): PagePromise<Job>;
  get(jobId: string, options?: CallOptions): Promise<Job>;
  cancel(jobId: string, options?: CallOptions): Promise<Job>;
  /** A running job stops within moments and starts from the beginning when it is resumed. */
  pause(jobId: string, options?: CallOptions): Promise<Job>;
  resume(jobId: string, options?: CallOptions): Promise<Job>;
  /** Another job for the model of a failed one. */
  retry(jobId: string, options?: CallOptions): Promise<Job>;
  /** The newest 200 lines that workers told of it, oldest first. */
  logs(jobId: string, options?: CallOptions): Promise<JobLogLine[]>;
  /** Past and coming events, in order, each once; ends with the job. */
  events(jobId: string, options?: JobEventsOptions): AsyncIterable<JobEvent>;
  /** The points of its loss curves, past and coming: what a live plot needs. */
  metrics(jobId: string, options?: JobEventsOptions): AsyncIterable<JobMetric>;
  /** Waits for the end, whatever it is: look at `state`, and at `failure` where it is `failed`. */
  wait(jobId: string, options?: JobWaitOptions): Promise<Job>;
}

export function createJobs(transport: Transport): Jobs {
  const { request } = transport;
  const get = (jobId: string, options?: CallOptions) =>
    request<Job>({ method: 'GET', path: path`/v1/jobs/${jobId}`, options });
  return {
    create: (body, options) => request({ method: 'POST', path: '/v1/jobs', body, options }),
    list: ({ cursor, ...query } = {}, options) =>
      paged(
        (from) =>
          request<Page<Job>>({
            method: 'GET',
            path: '/v1/jobs',
            query: { ...query, cursor: from },
            options,
          }),
        cursor,
      ),
    get,
    cancel: (jobId, options) =>
      request({ method: 'POST', path: path`/v1/jobs/${jobId}/cancel`, idempotent: true, options }),
    pause: (jobId, options) =>
      request({ method: 'POST', path: path`/v1/jobs/${jobId}/pause`, idempotent: true, options }),
    resume: (jobId, options) =>
      request({ method: 'POST', path: path`/v1/jobs/${jobId}/resume`, idempotent: true, options }),
    retry: (jobId, options) => request({ method: 'POST', path: path`/v1/jobs/${jobId}/retry`, options }),
    async logs(jobId, options) {
      const page: Page<JobLogLine> = await request({
        method: 'GET',
        path: path`/v1/jobs/${jobId}/logs`,
        options,
      });
      return page.data;
    },
    events: (jobId, options) => jobEvents(transport, jobId, options),
    metrics: (jobId, options) => jobMetrics(jobEvents(transport, jobId, options)),
    async wait(jobId, { onEvent, ...options } = {}) {
      try {
        for await (const event of jobEvents(transport, jobId, options)) onEvent?.(event);
      } catch (error) {
        // Where a proxy will not pass an event stream on, asking again and again still works.
        if (!isScionError(error, 'unexpected_response')) throw error;
      }
      for (let asked = 0; ; asked += 1) {
        const job = await get(jobId, { signal: options.signal });
        if (isFinished(job.state)) return job;
        await transport.config.sleep(
          retryDelayMs(asked, undefined, transport.config.random()),
          options.signal,
        );
      }
    },
  };
}
