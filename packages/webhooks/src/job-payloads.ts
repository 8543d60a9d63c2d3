import { AppError, type Job, type ModelChange, type WebhookPayload } from '@scion/contracts';
import { eventIdFrom, eventIdOf } from './event-id.js';

/** An event that a job's record tells: it is read there when it is sent. */
export interface JobEventOrder {
  eventId: string;
  type: WebhookPayload['type'];
}

/** What the end of a job tells: the end itself, and what became of the version it published. */
export function eventsOf(job: Job): JobEventOrder[] {
  const { state } = job;
  if (state !== 'succeeded' && state !== 'failed' && state !== 'cancelled') {
    throw new AppError('internal', 'only a finished job has an event');
  }
  const end: JobEventOrder = { eventId: eventIdOf(job.id), type: `job.${state}` };
  if (state !== 'succeeded' || !job.gate || job.version === null) return [end];
  const type = job.gate.promoted ? 'model.promoted' : 'model.rejected';
  return [end, { eventId: eventIdFrom(endedMs(job), job.id, 'model'), type }];
}

const endedMs = (job: Job): number => Date.parse(job.finishedAt ?? job.createdAt);

/** The payload of one of them. */
export function payloadOf(job: Job, type: WebhookPayload['type']): WebhookPayload {
  const timestamp = job.finishedAt ?? job.createdAt;
  if (type !== 'model.promoted' && type !== 'model.rejected') {
    return { type, timestamp, data: job } as WebhookPayload<'job.succeeded' | 'job.failed' | 'job.cancelled'>;
  }
  const { tenantId, task, user, version, gate } = job;
  const data: ModelChange = { tenantId, task, user, version: version ?? 0, by: job.id, gate };
  return { type, timestamp, data };
}
