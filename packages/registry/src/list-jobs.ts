import type { Job, Page } from '@scion/contracts';
import { encodeCursor, type Indexes, indexNames, pageSize } from './indexes.js';
import { mapLimit } from './map-limit.js';
import type { JobFilter, JobRef } from './registry.js';

/** The narrowest index for a filter; what it does not narrow is checked on names and records. */
function indexFor(tenantId: string, { task, user, state }: JobFilter): string {
  if (task !== undefined && user !== undefined) return indexNames.jobsOfModel({ tenantId, task, user });
  if (state !== undefined) return indexNames.jobsInState(tenantId, state);
  if (task !== undefined) return indexNames.jobsOfTask(tenantId, task);
  return indexNames.jobs(tenantId);
}

/** Jobs newest first. The index only proposes: each record is read, and one that does not match is left out. */
export async function listJobs(
  indexes: Indexes,
  read: (ref: JobRef) => Promise<Job | undefined>,
  tenantId: string,
  filter: JobFilter,
): Promise<Page<Job>> {
  const limit = pageSize(filter);
  const name = indexFor(tenantId, filter);
  const data: Job[] = [];
  let { cursor } = filter;
  for (;;) {
    const { members, nextCursor } = await indexes.page(name, { cursor, newestFirst: true });
    const refs = await indexes.jobRefs(members);
    const wanted = members.flatMap((jobId, at): JobRef[] => {
      const ref = refs[at];
      const match =
        ref?.tenantId === tenantId &&
        (filter.task === undefined || ref.task === filter.task) &&
        (filter.user === undefined || ref.user === filter.user);
      return ref && match ? [{ ...ref, jobId }] : [];
    });
    const jobs = await mapLimit(wanted, read);
    for (const job of jobs) {
      if (!job || (filter.state !== undefined && job.state !== filter.state)) continue;
      if (data.length === limit) return { data, nextCursor: encodeCursor((data[limit - 1] as Job).id) };
      data.push(job);
    }
    if (nextCursor === null) return { data, nextCursor: null };
    cursor = nextCursor;
  }
}
