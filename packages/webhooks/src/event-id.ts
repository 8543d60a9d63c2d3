import { idPrefixes } from '@scion/contracts';

/** The id of the one event that a job's end is, however often the end is announced: the job's ULID, renamed. */
export function eventIdOf(jobId: string): string {
  return `${idPrefixes.event}_${jobId.slice(idPrefixes.job.length + 1)}`;
}
