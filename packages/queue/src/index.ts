/** Owns the job table, enqueueing, running, cancelling and live job events; refuses to know what a job does. */

export type { QueueTimings } from './consumer.js';
export { createQueue, type QueueOptions } from './create-queue.js';
export type { TenantBacklog, TenantShare } from './fair/fair-queue.js';
export {
  type DeliveryPayload,
  type JobName,
  type JobTable,
  jobTable,
  type PayloadOf,
  type RefreshPayload,
  type TrainingPayload,
  trainingPayload,
} from './job-table.js';
export {
  type CancelResult,
  type ChangeCounts,
  type Consumer,
  type EventPosition,
  type HandlerContext,
  JobAborted,
  type JobEvents,
  type JobEventWriter,
  type JobLogs,
  type KindCounts,
  type NewJobEvent,
  type ProcessOptions,
  type Queue,
  type QueueCounts,
  type TrainingContext,
} from './queue.js';
