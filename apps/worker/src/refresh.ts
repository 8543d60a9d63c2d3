import { createHash } from 'node:crypto';
import {
  AppError,
  type Clock,
  dayOf,
  type Job,
  kindOfAnswer,
  type ModelRef,
  missingExamples,
  type Retrain,
} from '@scion/contracts';
import { type Queue, type RefreshPayload, trainingPayload } from '@scion/queue';
import type { Registry } from '@scion/registry';
import type { Logger } from 'pino';
import { everyRow } from './every-row.js';

export interface RefreshDeps {
  registry: Pick<
    Registry,
    'tenants' | 'tasks' | 'examples' | 'models' | 'jobs' | 'usage' | 'users' | 'webhooks' | 'events'
  >;
  queue: Pick<Queue, 'enqueueRefresh' | 'enqueueTraining' | 'scheduleTask' | 'events' | 'changes'>;
  clock: Clock;
  log: Logger;
}

/** The night's jobs are spread over this long, so that they do not all begin at two o'clock. */
const nightMs = 4 * 3_600_000;
/** So are those of a task's own schedule, which come an hour apart at least. */
const scheduleMs = 1_800_000;
/** A model that trains now is looked at again after this long: it may not see the newest examples. */
const runningMs = 60_000;
const afterFailureMs = 24 * 3_600_000;
/** An example whose append was under way when a job read, or whose clock is behind, may look older than the version. */
const unseenMs = 60_000;

export interface RetrainFacts {
  nowMs: number;
  /** Examples stored or replaced since the newest version was trained; all, where there is none. */
  fresh: number;
  trainedAtMs: number | undefined;
  lastJob: Pick<Job, 'state' | 'createdAt' | 'finishedAt'> | undefined;
}

/** Whether to train now (0), not on this occasion (undefined), or to look again after so many milliseconds. */
export function retrainIn(policy: Retrain, round: boolean, facts: RetrainFacts): number | undefined {
  const { nowMs, fresh, trainedAtMs = 0, lastJob } = facts;
  const inRounds = policy.nightly || policy.schedule !== undefined;
  const wanted = round && inRounds ? 1 : (policy.afterExamples ?? Number.POSITIVE_INFINITY);
  if (fresh < wanted) return undefined;
  // A queued one will see them all; a paused one is somebody's decision.
  if (lastJob?.state === 'queued' || lastJob?.state === 'paused') return undefined;
  if (lastJob?.state === 'running') return runningMs;
  const failedMs = lastJob?.state === 'failed' ? Date.parse(lastJob.finishedAt ?? lastJob.createdAt) : 0;
  if (failedMs + afterFailureMs > nowMs) return undefined;
  const lastMs = Math.max(trainedAtMs, lastJob ? Date.parse(lastJob.createdAt) : 0);
  return Math.max(0, lastMs + (policy.atMostEverySeconds ?? 0) * 1_000 - nowMs);
}

type TaskRef = Pick<ModelRef, 'tenantId' | 'task'>;

/** A number from 0 to 1, the same for a model on every night. */
const spread = (ref: ModelRef): number =>
  createHash('sha256').update(JSON.stringify(ref)).digest().readUInt32BE() / 2 ** 32;

/** The handler of looks: makes the jobs that tasks want without being asked. Jobs of one model join or line up. */
export function createRefresh({
  registry,
  queue,
  clock,
  log,
}: RefreshDeps): (payload: RefreshPayload) => Promise<void> {
  /** What only grows, unless somebody takes it away. */
  async function tidy(): Promise<void> {
    let deliveries = 0;
    let events = 0;
    for await (const { id: tenantId } of everyRow((page) => registry.tenants.list(page))) {
      deliveries += await registry.webhooks.collectDeliveries(tenantId);
      events += await registry.events.collect(tenantId);
    }
    log.info({ deliveries, events, imports: await registry.users.collectImports() }, 'leftovers removed');
  }

  async function lookAtUsers(of: TaskRef, occasion: string, spreadMs: number): Promise<number> {
    let models = 0;
    for await (const user of everyRow((page) => registry.models.users(of.tenantId, of.task, page))) {
      const ref = { ...of, user };
      await queue.enqueueRefresh({ ...ref, night: true, occasion }, Math.round(spread(ref) * spreadMs));
      models += 1;
    }
    return models;
  }

  async function lookAtTask(of: TaskRef): Promise<void> {
    const { retrain } = await registry.tasks.get(of.tenantId, of.task).catch((error: unknown) => {
      if (error instanceof AppError && error.status === 404) return { retrain: undefined };
      throw error;
    });
    if (retrain?.schedule === undefined) {
      // Whoever changed the task died before saying so here.
      await queue.scheduleTask(of, undefined);
      return;
    }
    // Tried again, a look finds its orders made.
    const moment = Math.floor(clock() / scheduleMs);
    const models = await lookAtUsers(of, `schedule-${moment}`, scheduleMs);
    log.info({ tenantId: of.tenantId, models }, 'models to look at by schedule');
  }

  async function lookAtAll(): Promise<void> {
    const occasion = `night-${dayOf(clock())}`;
    let models = 0;
    for await (const { id: tenantId } of everyRow((page) => registry.tenants.list(page))) {
      for await (const { name: task, retrain } of everyRow((page) => registry.tasks.list(tenantId, page))) {
        if (!retrain?.nightly) continue;
        models += await lookAtUsers({ tenantId, task }, occasion, nightMs);
      }
    }
    log.info({ models }, 'models to look at tonight');
  }

  async function lookAt(ref: ModelRef, night: boolean, requestId: string | undefined): Promise<void> {
    const task = await registry.tasks.get(ref.tenantId, ref.task);
    if (!task.retrain) return;
    const newest = (await registry.models.versions(ref, { limit: 1 })).data[0]?.card;
    const trainedAtMs = newest && Date.parse(newest.createdAt);
    const lastJob = (await registry.jobs.list(ref.tenantId, { task: ref.task, user: ref.user, limit: 1 }))
      .data[0];
    const retrain = (fresh: number) =>
      retrainIn(task.retrain ?? {}, night, { nowMs: clock(), fresh, trainedAtMs, lastJob });
    // Counting reads segments: not where no number would make a job now.
    const wait = retrain(Number.MAX_SAFE_INTEGER);
    if (wait === undefined) return;
    if (wait > 0) {
      // All looks that come to the same moment are one.
      const occasion = `${night ? 'night' : 'due'}-${Math.ceil((clock() + wait) / 1_000)}`;
      await queue.enqueueRefresh({ ...ref, night, occasion }, wait);
      return;
    }
    const noted = await queue.changes.noted(ref);
    const fresh =
      trainedAtMs === undefined
        ? await registry.examples.count(ref)
        : await registry.examples.countSince(ref, night ? trainedAtMs - unseenMs : trainedAtMs);
    if (retrain(fresh) === undefined) {
      const wanted = task.retrain.afterExamples;
      if (!night && wanted !== undefined) await queue.changes.lacked(ref, { wanted, fresh, noted });
      return;
    }
    const { examples, dataSha256 } = await registry.examples.all(ref);
    if (dataSha256 === newest?.dataSha256) return;
    const answers = examples.map(({ label }) => label);
    // Nothing that only fails: too few, or stored for a task of another kind that had this name.
    if (missingExamples(task, answers) || answers.some((label) => kindOfAnswer(label) !== task.kind)) return;
    const { job, joined } = await registry.jobs.create(ref, {
      priority: 'bulk',
      admit: async () => void (await registry.usage.admitJob(ref.tenantId)),
    });
    if (!joined) await queue.events.append(job.id, { type: 'state', state: 'queued' });
    await queue.enqueueTraining(trainingPayload(job, requestId));
    log.info({ tenantId: ref.tenantId, jobId: job.id, night, requestId }, 'training job made by policy');
  }

  return async ({ tenantId, task, user, night = false, compact, requestId }) => {
    if (tenantId === undefined || task === undefined) {
      await lookAtAll();
      return tidy();
    }
    if (user === undefined) return lookAtTask({ tenantId, task });
    const ref = { tenantId, task, user };
    const work =
      compact === undefined
        ? lookAt(ref, night, requestId)
        : registry.examples.compact(ref, { atLeast: compact });
    await work.catch((error) => {
      // The task or the user has gone since: nothing is to be trained.
      // So has its tenant's quota, or it is being imported: the next look, or the next night, finds it again.
      if (!(error instanceof AppError)) throw error;
      const { status, code } = error;
      if (status !== 404 && !code.startsWith('quota_') && code !== 'user_importing') throw error;
    });
  };
}
