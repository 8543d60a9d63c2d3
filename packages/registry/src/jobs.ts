import { AppError, type Job, type JobEvent, type ModelRef, timestamp } from '@scion/contracts';
import { requireNoImport } from './archive/importing.js';
import { indexNames, isOpen, isRunnable, lockNames } from './indexes.js';
import { encodeJson, encodeLines, readJson, readLines } from './json-object.js';
import { objectKeys } from './keys.js';
import { listJobs } from './list-jobs.js';
import type { HeldLock } from './locks.js';
import { mapLimit } from './map-limit.js';
import { isId, type RegistryParts } from './parts.js';
import type { JobRef, Jobs, Tasks } from './registry.js';

const missing = (): AppError => new AppError('job_not_found', 'No job has this id.');
const finished = (): AppError =>
  new AppError('job_finished', 'The job has ended and cannot change any more.');

/** All writers of a model's job records line up here: a cancel, a join and a start never see each other half done. */
const jobsLock = lockNames.jobs;

export function createJobs(parts: RegistryParts, tasks: Tasks): Jobs {
  const { store, indexes, locks, clock, newId } = parts;
  const read = (ref: JobRef) => readJson<Job>(store, objectKeys.job(ref, ref.jobId));
  const cancelAsked = async (ref: JobRef): Promise<boolean> =>
    (await store.head(objectKeys.jobCancel(ref, ref.jobId))) !== undefined;

  const pauseAsked = async (ref: JobRef): Promise<boolean> =>
    (await store.head(objectKeys.jobPause(ref, ref.jobId))) !== undefined;

  async function load(ref: JobRef): Promise<Job> {
    const job = isId('job', ref.jobId) ? await read(ref) : undefined;
    if (!job) throw missing();
    return job;
  }

  async function find(tenantId: string, jobId: string): Promise<JobRef> {
    const [ref] = isId('job', jobId) ? await indexes.jobRefs([jobId]) : [];
    if (ref?.tenantId !== tenantId) throw missing();
    return { ...ref, jobId };
  }

  async function write(lock: HeldLock, job: Job): Promise<void> {
    const key = objectKeys.job(job, job.id);
    await parts.fence.put(
      job,
      lock,
      () => key,
      () => store.put(key, encodeJson(job)),
    );
    await indexes.putJob(job);
  }

  /** An unfinished record with no stage; the caller holds the lock. */
  async function wait(lock: HeldLock, job: Job, state: 'queued' | 'paused'): Promise<Job> {
    if (!isOpen(job.state)) throw finished();
    const next: Job = { ...job, state, stage: null, progress: 0 };
    await write(lock, next);
    return next;
  }

  /** The job that a new request joins: queued, and not about to be cancelled or paused. */
  async function queued(ref: ModelRef): Promise<Job | undefined> {
    const { members } = await indexes.page(indexNames.openJobs(ref));
    for (const jobId of members) {
      const job = await read({ ...ref, jobId });
      if (job?.state !== 'queued') continue;
      const named = { ...ref, jobId };
      if (!(await cancelAsked(named)) && !(await pauseAsked(named))) return job;
    }
    return undefined;
  }

  /** Leaves an object beside an unfinished job's record that asks its worker for something. */
  async function ask(
    tenantId: string,
    jobId: string,
    keyOf: (ref: ModelRef, jobId: string) => string,
  ): Promise<Job> {
    const ref = await find(tenantId, jobId);
    return locks.hold(jobsLock(ref), async (lock) => {
      const job = await load(ref);
      if (!isOpen(job.state)) throw finished();
      const key = keyOf(ref, jobId);
      await parts.fence.put(
        ref,
        lock,
        () => key,
        () => store.put(key, encodeJson({ at: timestamp(clock) })),
      );
      return job;
    });
  }

  return {
    async create(ref, { priority = 'interactive', retryOf, training, admit } = {}) {
      await tasks.get(ref.tenantId, ref.task);
      return locks.hold(jobsLock(ref), async (lock) => {
        await requireNoImport(parts, ref);
        const waiting = await queued(ref);
        if (waiting) return { job: waiting, joined: true };
        await admit?.();
        const job: Job = {
          id: newId('job'),
          ...{ tenantId: ref.tenantId, task: ref.task, user: ref.user },
          priority,
          ...(training !== undefined && { training }),
          ...(retryOf !== undefined && { retryOf }),
          state: 'queued',
          stage: null,
          progress: 0,
          attempts: 0,
          createdAt: timestamp(clock),
          startedAt: null,
          finishedAt: null,
          version: null,
          gate: null,
          failure: null,
        };
        await write(lock, job);
        return { job, joined: false };
      });
    },
    async get(tenantId, jobId) {
      return load(await find(tenantId, jobId));
    },
    load,
    async list(tenantId, filter = {}) {
      return listJobs(indexes, read, tenantId, filter);
    },
    async update(ref, patch) {
      return locks.hold(jobsLock(ref), async (lock) => {
        const job = await load(ref);
        if (!isOpen(job.state)) throw finished();
        const next: Job = { ...job, ...patch };
        await write(lock, next);
        return next;
      });
    },
    async finish(ref, { events, ...outcome }) {
      return locks.hold(jobsLock(ref), async (lock) => {
        const job = await load(ref);
        if (!isOpen(job.state)) {
          // The first call may have died between the record and its index.
          await indexes.putJob(job);
          return job;
        }
        const next: Job = {
          ...job,
          ...outcome,
          stage: null,
          progress: outcome.state === 'succeeded' ? 1 : job.progress,
          finishedAt: timestamp(clock),
        };
        await store.put(objectKeys.jobEvents(ref, ref.jobId), encodeLines(events));
        await write(lock, next);
        return next;
      });
    },
    async events(tenantId, jobId) {
      const ref = await find(tenantId, jobId);
      const job = await load(ref);
      // Events without an ended record are those of an attempt that died while it ended.
      return isOpen(job.state) ? undefined : readLines<JobEvent>(store, objectKeys.jobEvents(ref, jobId));
    },
    requestCancel: (tenantId, jobId) => ask(tenantId, jobId, objectKeys.jobCancel),
    cancelRequested: cancelAsked,
    requestPause: (tenantId, jobId) => ask(tenantId, jobId, objectKeys.jobPause),
    pauseRequested: pauseAsked,
    async settlePause(ref) {
      return locks.hold(jobsLock(ref), async (lock) =>
        wait(lock, await load(ref), (await pauseAsked(ref)) ? 'paused' : 'queued'),
      );
    },
    async resume(tenantId, jobId) {
      const ref = await find(tenantId, jobId);
      return locks.hold(jobsLock(ref), async (lock) => {
        const job = await load(ref);
        if (!isOpen(job.state)) throw finished();
        await store.delete(objectKeys.jobPause(ref, jobId));
        return job.state === 'paused' ? wait(lock, job, 'queued') : job;
      });
    },
    async checkpoint(ref) {
      return (await store.get(objectKeys.jobCheckpoint(ref, ref.jobId)))?.body;
    },
    async keepCheckpoint(ref, bytes) {
      await locks.hold(jobsLock(ref), async (lock) => {
        // Nothing of an erased user may come back.
        await load(ref);
        const key = objectKeys.jobCheckpoint(ref, ref.jobId);
        await parts.fence.put(
          ref,
          lock,
          () => key,
          () => store.put(key, bytes),
        );
      });
    },
    async dropCheckpoint(ref) {
      await store.delete(objectKeys.jobCheckpoint(ref, ref.jobId));
    },
    async *unfinished() {
      for (let cursor: string | undefined; ; ) {
        const { members, nextCursor } = await indexes.page(indexNames.unfinished, { cursor });
        const refs = await indexes.jobRefs(members);
        const known = members.flatMap((jobId, at): JobRef[] => {
          const ref = refs[at];
          return ref ? [{ ...ref, jobId }] : [];
        });
        const jobs = await mapLimit(known, read);
        for (const job of jobs) if (job && isRunnable(job.state)) yield job;
        if (nextCursor === null) return;
        cursor = nextCursor;
      }
    },
  };
}
