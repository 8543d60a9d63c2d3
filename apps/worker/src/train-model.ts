import { AppError, type Clock, type Job, timestamp } from '@scion/contracts';
import type { Engine } from '@scion/engine';
import { JobAborted, type JobLogs, type TrainingContext, type TrainingPayload } from '@scion/queue';
import type { JobRef, Registry } from '@scion/registry';
import type { Logger } from 'pino';
import { failureOf, isRetryable, loggedError } from './failure.js';
import type { FinishJob } from './finish-job.js';
import { createJobLog, type JobLog } from './job-log.js';
import { type Progress, trainVersion } from './train-version.js';

export interface TrainModelDeps {
  registry: Pick<Registry, 'tasks' | 'examples' | 'models' | 'jobs'>;
  engine: Pick<Engine, 'base' | 'training' | 'predict'>;
  finishJob: FinishJob;
  logs: Pick<JobLogs, 'append'>;
  /** Notes the beginning of a stage in the trace of the job. */
  mark?: ((stage: string) => void) | undefined;
  checkpointSeconds?: number | undefined;
  clock: Clock;
  log: Logger;
}

/** Examples that stand in this many segments are merged after a job has read them. */
const compactFrom = 16;

/** The handler of training jobs, and what ends a job whose handler could not. */
export interface TrainModel {
  run(payload: TrainingPayload, context: TrainingContext): Promise<void>;
  /** The queue has given the job up. */
  onDead(payload: TrainingPayload, error: Error): Promise<void>;
}

/**
 * One training job. Every step may be repeated after a death at any line: the record is rewritten, the version that
 * names this job is found again instead of published again, `live` is switched once per job, the end is recorded
 * once, and the webhook event has the job's own id.
 */
export function createTrainModel(deps: TrainModelDeps): TrainModel {
  const { registry, finishJob } = deps;

  async function run(payload: TrainingPayload, context: TrainingContext): Promise<void> {
    const ref: JobRef = payload;
    const { tenantId, jobId, requestId } = payload;
    const log = createJobLog({
      log: deps.log.child({
        ...{ tenantId, jobId, attempt: context.attempt },
        ...(requestId !== undefined && { requestId }),
      }),
      attempt: context.attempt,
      clock: deps.clock,
      append: (line) => deps.logs.append(jobId, line),
    });
    try {
      await attempt(deps, ref, context, log);
    } catch (error) {
      try {
        await afterFailure(ref, context, error, log);
      } catch (problem) {
        // Erased with its user, at whatever step. Ending well leaves nothing in the queue that names the user.
        if (!isJobMissing(problem)) throw problem;
        log.info({}, 'training job has no record any more');
      }
    } finally {
      await log.written();
    }
  }

  async function afterFailure(
    ref: JobRef,
    { signal, finalAttempt, events }: TrainingContext,
    error: unknown,
    log: JobLog,
  ): Promise<void> {
    const aborted = signal.aborted && signal.reason instanceof JobAborted ? signal.reason.reason : undefined;
    if (aborted === 'cancelled' || error instanceof CancelRequested) {
      await finishJob(ref, { state: 'cancelled' });
      log.info({}, 'training job cancelled');
      return;
    }
    if (aborted === 'paused' || error instanceof PauseRequested) {
      const job = await registry.jobs.settlePause(ref);
      // Resumed since: the queue runs it again.
      if (job.state !== 'paused') throw error;
      await events.append({ type: 'state', state: 'paused' });
      log.info({}, 'training job paused');
      return;
    }
    // Another worker owns the job by now: nothing of it is ours to write.
    if (aborted === 'lock_lost') throw error;
    if (aborted === 'shutdown') {
      await registry.jobs.update(ref, { state: 'queued', stage: null, progress: 0 });
      log.info({}, 'training job handed back');
      throw error;
    }
    const cause =
      aborted === 'timeout'
        ? new AppError('training_failed', 'Training took too long and was stopped.')
        : error;
    if (isJobMissing(cause)) throw cause;
    if (finalAttempt || !isRetryable(cause)) {
      const failure = failureOf(cause);
      const level = failure.code === 'internal' ? 'error' : 'info';
      log[level](loggedError(cause), 'training job failed');
      await finishJob(ref, { state: 'failed', failure });
    } else {
      log.warn(loggedError(cause), 'training attempt failed; it will be repeated');
      await registry.jobs.update(ref, { state: 'queued', stage: null, progress: 0 });
    }
    throw cause;
  }

  return {
    run,
    async onDead(payload, error) {
      try {
        await finishJob(payload, { state: 'failed', failure: failureOf(error) });
      } catch (problem) {
        if (!isJobMissing(problem)) throw problem;
      }
    },
  };
}

const isJobMissing = (error: unknown): boolean => error instanceof AppError && error.code === 'job_not_found';

/** Found in the bucket: somebody asked, though the queue's signal has not reached this process. */
class CancelRequested extends Error {}
class PauseRequested extends Error {}

const isFinished = ({ state }: Job): boolean =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled';

async function attempt(
  deps: TrainModelDeps,
  ref: JobRef,
  { signal, attempt, stalls, events }: TrainingContext,
  log: JobLog,
): Promise<void> {
  const { registry, finishJob, clock } = deps;
  const job = await registry.jobs.load(ref);
  if (isFinished(job)) {
    // The attempt before died between the record and its announcements.
    await finishJob(ref, { state: job.state as 'succeeded' | 'failed' | 'cancelled' });
    return;
  }
  const stopIfCancelled = async (): Promise<void> => {
    signal.throwIfAborted();
    if (await registry.jobs.cancelRequested(ref)) throw new CancelRequested();
  };
  await stopIfCancelled();
  if (await registry.jobs.pauseRequested(ref)) throw new PauseRequested();
  // One that says it runs has lost its worker, and maybe with Redis whatever counted that.
  const begun = job.state === 'running' ? job.attempts + 1 : job.attempts;
  await registry.jobs.update(ref, {
    state: 'running',
    stage: 'head',
    progress: 0,
    attempts: Math.max(attempt + stalls, begun),
    startedAt: job.startedAt ?? timestamp(clock),
  });
  await events.append({ type: 'state', state: 'running' });
  log.debug({}, 'training attempt started');

  // Metrics are many and small: they follow one another in the background, and are waited for at each stage.
  let metrics: Promise<unknown> = Promise.resolve();
  const progress: Progress = {
    metric(event) {
      metrics = metrics.then(() => events.append(event));
      metrics.catch(() => undefined);
    },
    async stage(stage, share) {
      await metrics;
      deps.mark?.(stage);
      log.debug({ stage }, 'stage entered');
      await registry.jobs.update(ref, { stage, progress: share });
      await events.append({ type: 'stage', stage, progress: share });
    },
  };

  const startedAt = performance.now();
  const { version, gate } = await trainVersion(deps, ref, {
    ...{ job, signal, progress, log },
    beforePublishing: stopIfCancelled,
  });
  await metrics;
  // The job is done without it; what stays behind goes with the next one.
  await registry.models.collect(ref).catch((error) => log.warn(loggedError(error), 'versions not collected'));
  await registry.examples
    .compact(ref, { atLeast: compactFrom })
    .catch((error) => log.warn(loggedError(error), 'examples not compacted'));
  await registry.jobs.dropCheckpoint(ref);
  await finishJob(ref, { state: 'succeeded', version: version.version, gate });
  log.info(
    {
      modelVersion: version.version,
      method: version.card.method,
      promoted: gate.promoted,
      examples: version.card.examples,
      adapterBytes: version.adapterBytes,
      seconds: Math.round(performance.now() - startedAt) / 1_000,
    },
    'training job succeeded',
  );
}
