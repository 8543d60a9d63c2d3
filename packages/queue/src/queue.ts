import type { JobEvent, JobLogLine, ModelRef } from '@scion/contracts';
import type { TenantBacklog } from './fair/fair-queue.js';
import type { DeliveryPayload, RefreshPayload, TrainingPayload } from './job-table.js';

export type NewJobEvent = Omit<JobEvent, 'seq' | 'run' | 'at'>;
/** Where somebody is in a job's events. Without a run: in whichever the job is now. */
export type EventPosition = Pick<JobEvent, 'seq' | 'run'>;

/** Appends to one job's event stream on behalf of one attempt. */
export interface JobEventWriter {
  /** Returns the event as stored; undefined when a later attempt has taken the stream over, or a metric met the cap. */
  append(event: NewJobEvent): Promise<JobEvent | undefined>;
}

/**
 * The live event stream of each job: `seq` counts from 1 without gaps. Kept for a day after a terminal `state` event,
 * a week without one; the lasting copy is the registry's.
 */
export interface JobEvents {
  append(jobId: string, event: NewJobEvent): Promise<JobEvent | undefined>;
  /**
   * Starts the stream of a new attempt: every event but a leading `queued` is dropped, and writers opened earlier can
   * append no more. Repeating it has the same effect.
   */
  open(jobId: string): Promise<JobEventWriter>;
  /** Removes the stream. A writer still open may begin another, which expires like any. */
  erase(jobId: string): Promise<void>;
  /** Events after `afterSeq` (0: all), oldest first. Empty for an unknown or expired stream. */
  read(jobId: string, afterSeq?: number): Promise<JobEvent[]>;
  /**
   * Events after `after`, those to come included; ends after a terminal `state` event, or when the signal aborts. A
   * new attempt starts the stream over, with a higher `run`: `seq` falls back. A position in another run gets all of this
   * one but `queued`. All subscribers of a process share one connection.
   */
  subscribe(jobId: string, after?: number | EventPosition, signal?: AbortSignal): AsyncIterable<JobEvent>;
}

/** The newest 200 lines that workers told of each job, kept for a week after the last. */
export interface JobLogs {
  append(jobId: string, line: JobLogLine): Promise<void>;
  /** Oldest first. Empty for an unknown job. */
  read(jobId: string): Promise<JobLogLine[]>;
  erase(jobId: string): Promise<void>;
}

/**
 * Bounds from above how many of a model's examples are fresh, so that not every change needs a look at all of them. Kept
 * for an hour after the last use; what is not known asks for a look.
 */
export interface ChangeCounts {
  /** Notes changes that are stored; says whether a look may find `wanted` fresh examples now. */
  note(ref: ModelRef, count: number, wanted: number): Promise<boolean>;
  /** How many were noted so far; to be read before the examples. */
  noted(ref: ModelRef): Promise<number>;
  /** Says that a look found too few when so many had been noted. */
  lacked(ref: ModelRef, found: { wanted: number; fresh: number; noted: number }): Promise<void>;
  erase(ref: ModelRef): Promise<void>;
}

/** Why the signal of a handler fired; found as `signal.reason`. */
export class JobAborted extends Error {
  constructor(readonly reason: 'cancelled' | 'paused' | 'timeout' | 'lock_lost' | 'shutdown') {
    super(`job aborted: ${reason}`);
    this.name = 'JobAborted';
  }
}

export interface HandlerContext {
  /** Fires with a `JobAborted` as its reason. The model stays locked until the handler settles. */
  signal: AbortSignal;
  /** From 1; counts failures before this run, not waits for another job of the model. */
  attempt: number;
  /** How many workers died with it, or lost it, before this run. */
  stalls: number;
  /** Whether a failure now is the last: no retry will follow. */
  finalAttempt: boolean;
}

export interface TrainingContext extends HandlerContext {
  /** Opened for this attempt. */
  events: JobEventWriter;
}

export interface ProcessOptions<P> {
  concurrency: number;
  /**
   * Called when a job will never run again and its handler may not have said so: attempts used up, a non-retryable
   * error, or stalled too often. Called at least once by some process, so it must be safe to repeat.
   */
  onDead?(payload: P, error: Error): Promise<void>;
}

export interface Consumer {
  /** Stops taking jobs and waits for the running ones; after `graceMs` (left out: no limit) their signals fire with `shutdown`. */
  close(options?: { graceMs?: number }): Promise<void>;
}

export interface KindCounts {
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
}

export interface QueueCounts {
  training: KindCounts;
  deliveries: KindCounts;
  /** Processes that take training jobs now. */
  workers: number;
}

/**
 * `removed`: no worker will run it, and the caller owns its record. `signalled`: a worker runs it and has been told.
 * `unknown`: not queued here (finished, or never enqueued); should it be enqueued later it is told at its start.
 */
export type CancelResult = 'removed' | 'signalled' | 'unknown';

export interface Queue {
  /** Idempotent by `jobId`: a job that waits or runs is left alone, a dead one is put back with fresh attempts. */
  enqueueTraining(payload: TrainingPayload): Promise<void>;
  /**
   * Takes a pause back and enqueues. Should the job's paused run not have left its worker, it runs again after that:
   * at once, or up to a lock's life later.
   */
  resumeTraining(payload: TrainingPayload): Promise<void>;
  /** Idempotent by event and webhook. With `now`, one that waits for a retry or a turn is tried at once. */
  enqueueDelivery(payload: DeliveryPayload, options?: { now?: boolean }): Promise<void>;
  /**
   * Runs training jobs, never two of one model at once in the whole deployment; one that finds its model busy waits
   * without losing an attempt. An AppError that is not retryable ends the job.
   */
  processTraining(
    handler: (payload: TrainingPayload, context: TrainingContext) => Promise<void>,
    options: ProcessOptions<TrainingPayload>,
  ): Promise<Consumer>;
  /**
   * Of one tenant a quarter of `concurrency` run at once, and of a webhook that answers also what is idle beyond another
   * quarter; of one whose last attempt failed one, and of all such together at most half. What is beyond waits without
   * losing an attempt, and in no order. Of a tenant's pings, and of what it ordered with `now`, one more has a turn.
   */
  processDeliveries(
    handler: (payload: DeliveryPayload, context: HandlerContext) => Promise<void>,
    options: ProcessOptions<DeliveryPayload>,
  ): Promise<Consumer>;
  /** Orders a look at a model, after a delay. Idempotent by model and occasion while the look waits. */
  enqueueRefresh(payload: RefreshPayload, delayMs?: number): Promise<void>;
  /** Orders the look at every model each night at 02:00 UTC. Idempotent. */
  scheduleNight(): Promise<void>;
  /**
   * Orders the look at every model of a task at the moments of a cron pattern (UTC), in the place of what was ordered
   * before; without one, never more. Idempotent.
   */
  scheduleTask(task: Pick<ModelRef, 'tenantId' | 'task'>, pattern: string | undefined): Promise<void>;
  processRefreshes(
    handler: (payload: RefreshPayload, context: HandlerContext) => Promise<void>,
    options: ProcessOptions<RefreshPayload>,
  ): Promise<Consumer>;
  /** Asks that a training job stops. The request is kept, so a job that starts later still learns of it. */
  requestCancel(jobId: string): Promise<CancelResult>;
  /**
   * Takes a training job out of the queue, or asks its handler to stop so that it can leave: a handler that then
   * returns has left, one that throws is run again. Asking to cancel outweighs it.
   */
  requestPause(jobId: string): Promise<CancelResult>;
  /**
   * Removes what is kept of a training job: its entry, also a dead one, its events and its log. False while a worker holds it;
   * then ask again later. Call `requestCancel` first.
   */
  forget(jobId: string): Promise<boolean>;
  /** Removes the looks at a model that wait, or were given up, and the count of its changes. One under way ends by itself. */
  forgetLooks(ref: ModelRef): Promise<void>;
  counts(): Promise<QueueCounts>;
  /** The tenants that have training jobs waiting for a worker, those with most first. */
  backlog(): Promise<TenantBacklog[]>;
  events: JobEvents;
  logs: JobLogs;
  changes: ChangeCounts;
  /** Closes every consumer and connection. */
  close(options?: { graceMs?: number }): Promise<void>;
}
