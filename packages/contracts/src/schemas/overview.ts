/** How the whole service fares over a stretch of time: what an operator watches. */
import { type Static, Type } from 'typebox';
import { JobStage } from './jobs.js';
import { closed, JobId, Nullable, TaskName, TenantId, Timestamp } from './primitives.js';

/** One number for each bucket of `at`. */
const Series = (description: string) => Type.Array(Type.Number(), { description });
/** The same, null where nothing happened that could be measured. */
const Gaps = (description: string) => Type.Array(Nullable(Type.Number()), { description });
const Rate = (description: string) => Nullable(Type.Number({ minimum: 0, maximum: 1, description }));

export const OverviewQuery = Type.Object(
  {
    from: Type.Optional({
      ...Timestamp,
      description: 'Start of the range; an hour before its end when left out',
    }),
    to: Type.Optional({ ...Timestamp, description: 'End of the range; now when left out' }),
  },
  closed,
);
export const Alert = Type.Object(
  {
    code: Type.String({ examples: ['no_workers'] }),
    severity: Type.Enum(['critical', 'warning']),
    title: Type.String(),
    detail: Type.String({ description: 'The figures that raised it' }),
    remedy: Type.String({ description: 'What to do about it; Markdown' }),
  },
  closed,
);
export const WorkerState = Type.Object(
  {
    id: Type.String(),
    startedAt: Timestamp,
    provider: Type.String({ description: 'What computes: cpu, cuda …' }),
    threads: Type.Integer(),
    slots: Type.Integer({ description: 'Jobs it runs at once' }),
    jobs: Type.Array(
      Type.Object(
        {
          jobId: JobId,
          tenantId: TenantId,
          task: TaskName,
          stage: Nullable(JobStage),
          progress: Type.Number(),
          startedAt: Timestamp,
        },
        closed,
      ),
      { description: 'What it trains now' },
    ),
  },
  closed,
);
export const Overview = Type.Object(
  {
    from: Timestamp,
    to: Timestamp,
    stepSeconds: Type.Integer({ description: 'Length of a bucket' }),
    at: Type.Array(Timestamp, { description: 'Starts of the buckets; every series has one value for each' }),
    jobs: Type.Object(
      {
        succeeded: Series('Jobs that ended so'),
        failed: Series('Jobs that ended so'),
        cancelled: Series('Jobs that ended so'),
        promoted: Series('Versions that went live by the gate'),
        kept: Series('Versions that the gate held back'),
      },
      closed,
    ),
    timeToLive: Type.Object(
      {
        p50: Gaps('Seconds from a job’s creation to its version going live'),
        p95: Gaps('The same, of which one in twenty took longer'),
      },
      closed,
    ),
    queue: Type.Object(
      {
        waiting: Series('Most jobs that waited at once'),
        tenants: Type.Array(
          Type.Object(
            {
              tenantId: TenantId,
              waiting: Series('Most jobs of it that waited at once'),
              waitSeconds: Gaps('Mean time that jobs begun in the bucket had waited'),
            },
            closed,
          ),
          { description: 'The ten with most jobs waiting, then longest waits' },
        ),
      },
      closed,
    ),
    predict: Type.Object(
      {
        rowsPerSecond: Series('Rows answered; of the bucket still counted, in the seconds since its start'),
        p50Ms: Gaps('Milliseconds from request to answer'),
        p99Ms: Gaps('The same, of which one in a hundred took longer'),
      },
      closed,
    ),
    cache: Type.Object(
      {
        bytes: Gaps('Bytes of adapters in memory, over all API processes'),
        entries: Gaps('Adapters in memory, over all API processes'),
        hitRate: Gaps('Share of lookups that found their adapter in memory'),
      },
      closed,
    ),
    webhooks: Type.Object(
      { delivered: Series('Attempts that the endpoint took'), failed: Series('Attempts that it did not') },
      closed,
    ),
    totals: Type.Object(
      {
        ended: Type.Integer({ description: 'Jobs that ended in the range' }),
        failureRate: Rate('Failed jobs of those that ended'),
        promotionRate: Rate('Versions that went live of those that the gate judged'),
        timeToLiveP50Seconds: Nullable(Type.Number()),
        timeToLiveP95Seconds: Nullable(Type.Number()),
        predictedRows: Type.Integer(),
        predictP50Ms: Nullable(Type.Number()),
        predictP99Ms: Nullable(Type.Number()),
        cacheHitRate: Rate('Lookups that found their adapter in memory'),
        webhookFailureRate: Rate('Attempts that the endpoint did not take'),
      },
      closed,
    ),
    now: Type.Object(
      {
        queue: Type.Object(
          {
            waiting: Type.Integer(),
            active: Type.Integer(),
            delayed: Type.Integer(),
            failed: Type.Integer({ description: 'Given up by the queue, and kept for a look' }),
            oldestWaitSeconds: Nullable(Type.Number({ description: 'Of the job that waits longest' })),
          },
          closed,
        ),
        cache: Type.Object(
          { bytes: Type.Integer(), budgetBytes: Type.Integer(), entries: Type.Integer() },
          closed,
        ),
        apis: Type.Integer({ description: 'API processes that live' }),
        workers: Type.Array(WorkerState),
      },
      closed,
    ),
    alerts: Type.Array(Alert, { description: 'Gravest first; judged over the last 15 minutes' }),
  },
  closed,
);

export type OverviewQuery = Static<typeof OverviewQuery>;
export type Alert = Static<typeof Alert>;
export type WorkerState = Static<typeof WorkerState>;
export type Overview = Static<typeof Overview>;
