import { idOfTime, type Job, type Page } from '@scion/contracts';
import { encodeCursor, type Indexes, indexNames, pageSize } from './indexes.js';
import { mapLimit } from './map-limit.js';
import type { JobFilter, JobRef } from './registry.js';

/** The narrowest index for a filter; what it does not narrow is checked on names and records. */
function indexFor(tenantId: string | null, { task, user, state }: JobFilter): string {
  if (tenantId !== null && user !== undefined) {
    return task === undefined
      ? indexNames.jobsOfUser(tenantId, user)
      : indexNames.jobsOfModel({ tenantId, task, user });
  }
  if (state !== undefined) return indexNames.jobsInState(tenantId, state);
  if (tenantId !== null && task !== undefined) return indexNames.jobsOfTask(tenantId, task);
  return indexNames.jobs(tenantId);
}

/** Names beyond which a page does not search: it then ends early, with the cursor to go on from. */
const longestSearch = 2_000;

/** Jobs newest first, of one tenant or of all. The index only proposes: each record is read, and one that does not match is left out. */
export async function listJobs(
  indexes: Indexes,
  read: (ref: JobRef) => Promise<Job | undefined>,
  tenantId: string | null,
  filter: JobFilter,
): Promise<Page<Job>> {
  const limit = pageSize(filter);
  const name = indexFor(tenantId, filter);
  const data: Job[] = [];
  // Ids begin with the time they were made at, so a stretch of time is a range of them.
  const bounds = {
    ...(filter.from !== undefined && { atLeast: idOfTime('job', Date.parse(filter.from)) }),
    ...(filter.to !== undefined && { below: idOfTime('job', Date.parse(filter.to)) }),
  };
  let { cursor } = filter;
  for (let searched = 0; ; ) {
    const { members, nextCursor } = await indexes.page(name, { cursor, newestFirst: true, ...bounds });
    const refs = await indexes.jobRefs(members);
    const wanted = members.flatMap((jobId, at): JobRef[] => {
      const ref = refs[at];
      const match =
        (tenantId === null || ref?.tenantId === tenantId) &&
        (filter.task === undefined || ref?.task === filter.task) &&
        (filter.user === undefined || ref?.user === filter.user);
      return ref && match ? [{ ...ref, jobId }] : [];
    });
    const jobs = await mapLimit(wanted, read);
    for (const job of jobs) {
      if (!job || (filter.state !== undefined && job.state !== filter.state)) continue;
      if (data.length === limit) return { data, nextCursor: encodeCursor((data[limit - 1] as Job).id) };
      data.push(job);
    }
    searched += members.length;
    if (nextCursor === null || searched >= longestSearch) return { data, nextCursor };
    cursor = nextCursor;
  }
}
