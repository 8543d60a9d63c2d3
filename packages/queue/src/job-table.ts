import { createHash } from 'node:crypto';
import type { Job, JobPriority, ModelRef, WebhookPayload } from '@scion/contracts';

/** A training job carries the names of its record, and what decides its turn. */
export interface TrainingPayload extends ModelRef {
  jobId: string;
  /** Left out: `interactive`. */
  priority?: JobPriority | undefined;
  /** Of the request that ordered it, for logs; a job found again after a loss of Redis has none. */
  requestId?: string | undefined;
  /** The trace of that request, as `telemetry` writes it down; set by the queue. */
  trace?: string | undefined;
}

/** What the queue is told of a job's record, and of the request that ordered it. */
export function trainingPayload(
  { id, tenantId, task, user, priority }: Job,
  requestId?: string,
): TrainingPayload {
  return {
    ...{ jobId: id, tenantId, task, user },
    ...(priority !== undefined && { priority }),
    ...(requestId !== undefined && { requestId }),
  };
}

/** Whether a model, or in a night every model, is due for training, or for compaction of its examples. */
export interface RefreshPayload {
  /** None: look for every model that may be due tonight. Without a user: for every one of the task. */
  tenantId?: string;
  task?: string;
  user?: string;
  /** Of a round, the night's or of the task's own schedule: any new or changed example counts. */
  night?: boolean;
  /** Compact its examples instead, should they stand in at least so many segments. */
  compact?: number;
  /** Of the request that ordered it, for logs. */
  requestId?: string;
  /** Names the occasion; of one occasion and model there is one look. */
  occasion: string;
}

/** One event for one webhook; attempts share the event id. Names nobody: who the event is about is read when it is sent. */
export interface DeliveryPayload {
  tenantId: string;
  webhookId: string;
  eventId: string;
  type: WebhookPayload['type'];
  jobId?: string;
  at?: string;
  /** Which attempt a person asked for, from 1: that one has a turn of its own. Set by the queue. */
  asked?: number;
}

/** How the ids of all looks at one model begin. */
export function lookPrefix({ tenantId, task, user }: Partial<ModelRef>): string {
  const model = createHash('sha256')
    .update(JSON.stringify([tenantId, task, user]))
    .digest('hex');
  return `${model.slice(0, 32)}.`;
}

interface JobKind<P> {
  /** Name of the BullMQ queue. */
  queue: string;
  /** Runs in all, the first included. A stall is not an attempt. */
  attempts: number;
  backoff: { firstMs: number; maxMs: number };
  /** The handler's signal fires after this long. */
  timeoutMs: number;
  /** How often a job may lose its worker before it is given up. */
  maxStalls: number;
  /** Dead jobs are kept this long for an operator to look at. */
  keepDeadSeconds: number;
  /** The BullMQ job id: neither an integer nor with a colon in it. */
  id(payload: P): string;
}

const kind = <P>(row: JobKind<P>): JobKind<P> => row;

/** Every kind of job. Payload types are inferred from here. */
export const jobTable = {
  train: kind<TrainingPayload>({
    queue: 'train',
    attempts: 3,
    backoff: { firstMs: 2_000, maxMs: 60_000 },
    timeoutMs: 30 * 60_000,
    maxStalls: 3,
    keepDeadSeconds: 7 * 86_400,
    id: (payload) => payload.jobId,
  }),
  // 5 s doubling up to 6 h: without jitter the 15 retries spread over 23.4 h.
  deliver: kind<DeliveryPayload>({
    queue: 'deliver',
    attempts: 16,
    backoff: { firstMs: 5_000, maxMs: 6 * 3_600_000 },
    timeoutMs: 60_000,
    maxStalls: 10,
    keepDeadSeconds: 7 * 86_400,
    id: (payload) => `${payload.eventId}.${payload.webhookId}`,
  }),
  refresh: kind<RefreshPayload>({
    queue: 'refresh',
    attempts: 3,
    backoff: { firstMs: 5_000, maxMs: 60_000 },
    timeoutMs: 30 * 60_000,
    maxStalls: 3,
    keepDeadSeconds: 86_400,
    id: (payload) => `${lookPrefix(payload)}${payload.occasion}`,
  }),
} as const;

export type JobTable = typeof jobTable;
export type JobName = keyof JobTable;
export type PayloadOf<N extends JobName> = Parameters<JobTable[N]['id']>[0];
