import {
  AppError,
  type Card,
  type Clock,
  type GateDecision,
  type Job,
  type JobStage,
  type ModelVersion,
} from '@scion/contracts';
import {
  type Answers,
  decideGate,
  type Engine,
  encodeAdapter,
  type GateInput,
  type TrainedHead,
  type TrainedLora,
  type TrainedModel,
} from '@scion/engine';
import type { NewJobEvent } from '@scion/queue';
import type { JobRef, Registry } from '@scion/registry';
import { askLive } from './ask-live.js';
import { loggedError } from './failure.js';
import type { JobLog } from './job-log.js';
import { dataFields, evaluate } from './make-card.js';
import { seedOf } from './seed.js';
import { loadTrainingData, type TrainingData } from './training-data.js';
import { resolveTraining, type TrainingSettings } from './training-settings.js';

export interface TrainVersionDeps {
  registry: Pick<Registry, 'tasks' | 'examples' | 'models' | 'jobs'>;
  engine: Pick<Engine, 'base' | 'training' | 'predict'>;
  clock: Clock;
  /** Training that a death may cost; left out, as the engine has it. */
  checkpointSeconds?: number | undefined;
}

export interface Progress {
  /** Enters a stage, at a share of the whole job. */
  stage(stage: JobStage, progress: number): Promise<void>;
  /** A point of a loss curve. */
  metric(event: NewJobEvent): void;
}

export interface TrainingRun {
  job: Job;
  signal: AbortSignal;
  log: JobLog;
  progress: Progress;
  /** The last chance to stop before something is published: it throws. */
  beforePublishing(): Promise<void>;
}

/** What a job came to: the version that it would have live, and what the gate said of it. */
export interface Outcome {
  version: ModelVersion;
  gate: GateDecision;
}

/**
 * From examples to published versions that the gate has judged: first a head, live within a second or so, then adapters,
 * which are published only where they win. Each is published and put live once for a job, whenever an earlier attempt
 * died; the adapters' training goes on from its last checkpoint.
 */
export async function trainVersion(deps: TrainVersionDeps, ref: JobRef, run: TrainingRun): Promise<Outcome> {
  const { registry, engine } = deps;
  const { signal, progress } = run;
  const readAtMs = deps.clock();
  const data = await loadTrainingData(registry, ref);
  signal.throwIfAborted();
  const settings = resolveTraining(data.task.training, run.job.training);
  const seed = settings.seed ?? seedOf(ref);
  const { examples, task } = data;
  const { kind } = task;
  run.log.debug({ examples: examples.length, kind, method: settings.method }, 'examples read');

  await progress.stage('head', 0.05);
  const live = await askLive({ models: registry.models, engine }, ref, { kind, examples, signal });
  const metrics: NewJobEvent[] = [];
  const training = engine.training(
    {
      tenantId: ref.tenantId,
      kind,
      texts: examples.map(({ input }) => input),
      answers: examples.map(({ label }) => label),
      weights: examples.map(({ weight }) => weight),
      ids: examples.map(({ id }) => id),
      classBalance: settings.classBalance,
    },
    {
      seed,
      signal,
      onEvent(event) {
        const metric = { type: 'metric' as const, ...event };
        metrics.push(metric);
        progress.metric(metric);
      },
    },
  );
  const wantsLora = settings.method !== 'head' && training.canAdapt;
  const publish = publisher(deps, ref, run, { data, readAtMs, settings, seed, before: live?.version });
  const judge = (answers: Answers, against: Pick<GateInput, 'head'> = {}) =>
    decideGate({ kind, truth: examples.map(({ label }) => label), candidate: answers, live, ...against });

  const before = await publishedBy(registry, ref);
  const head = before.head ? undefined : await training.head();
  signal.throwIfAborted();
  let outcome: Outcome | undefined;
  // Whoever wants adapters only gets a head where there is too little to learn them from.
  if (settings.method !== 'lora' || !wantsLora) {
    await progress.stage('evaluating', wantsLora ? 0.1 : 0.8);
    const gate = before.head?.card.gate ?? judge(answersOf(head!));
    await progress.stage('publishing', wantsLora ? 0.15 : 0.9);
    const version = before.head ?? (await publish('head', head!, gate, metrics.splice(0)));
    outcome = { version, gate: await applyGate(registry, ref, version) };
  }
  // A head without a single mistake leaves adapters nothing to win.
  const isPerfect = settings.method === 'auto' && outcome?.version.card.gate.candidate.accuracy === 1;
  if (outcome && (!wantsLora || isPerfect)) return outcome;

  const adapt = async (): Promise<Outcome> => {
    await progress.stage('adapter', 0.2);
    const lora =
      before.lora ??
      (await training.lora({
        settings: settings.lora,
        headL2: before.head?.card.recipe.l2 ?? head!.recipe.l2,
        dataSha256: data.dataSha256,
        resume: await registry.jobs.checkpoint(ref),
        onCheckpoint: (bytes) => registry.jobs.keepCheckpoint(ref, bytes),
        checkpointSeconds: deps.checkpointSeconds,
        warmStart:
          settings.warmStart && live ? await warmStartOf(registry, ref, live.version, run.log) : undefined,
      }));
    signal.throwIfAborted();
    if ('resumedFrom' in lora) {
      if (lora.continued) run.log.info({ version: live!.version }, 'adapters went on from the live version');
      if (lora.resumedFrom > 0)
        run.log.info({ step: lora.resumedFrom }, 'training went on from a checkpoint');
    }
    await progress.stage('evaluating', 0.9);
    const gate =
      'card' in lora
        ? lora.card.gate
        : judge(answersOf(lora), { head: { labels: lora.labels, ...lora.headOutOfFold } });
    // The head stays; its record says what the adapters came to.
    if (outcome && !gate.promoted) return withReason(outcome, gate.reason, gate.head);
    await progress.stage('publishing', 0.95);
    const version = 'card' in lora ? lora : await publish('lora', lora, gate, metrics);
    const applied = await applyGate(registry, ref, version);
    // Without it the next job trains from scratch.
    if (settings.warmStart && applied.promoted && 'warmStart' in lora)
      await registry.models
        .keepWarmStart(ref, version.version, lora.warmStart)
        .catch((error) => run.log.warn(loggedError(error), 'warm start not kept'));
    return { version, gate: applied };
  };
  return adapt().catch((error) => {
    if (!outcome || !isHopeless(error)) throw error;
    run.log.warn(loggedError(error), 'adapters were given up');
    return withReason(outcome, `There are no adapters: ${error.detail}`);
  });
}

/** What no repetition mends: the settings or the base are the reason. */
const isHopeless = (error: unknown): error is AppError =>
  error instanceof AppError && (error.code === 'training_diverged' || error.code === 'base_untrainable');

const withReason = ({ version, gate }: Outcome, more: string, head?: GateDecision['head']): Outcome => ({
  version,
  gate: { ...gate, reason: `${gate.reason} ${more}`, head: head ?? null },
});

/** Switches `live` as the gate decided, unless a person wants otherwise. Returns what came of it. */
async function applyGate(
  { models }: Pick<Registry, 'models'>,
  ref: JobRef,
  { version, card: { gate } }: ModelVersion,
): Promise<GateDecision> {
  if (!gate.promoted) return gate;
  const { by } = await models.promote(ref, version, ref.jobId);
  if (by === ref.jobId) return gate;
  return { ...gate, promoted: false, reason: 'The live version is pinned, so that no job replaces it.' };
}

const answersOf = ({ labels, outOfFold }: TrainedModel): Answers => ({ labels, ...outOfFold });

/** What earlier attempts of this job published before they died. Jobs of one model never overlap, so it is the newest. */
async function publishedBy(
  { models }: Pick<Registry, 'models'>,
  ref: JobRef,
): Promise<{ head?: ModelVersion; lora?: ModelVersion }> {
  const { data } = await models.versions(ref, { limit: 2 });
  const own = data.filter(({ card }) => card.jobId === ref.jobId);
  return Object.fromEntries(own.map((version) => [version.card.method, version]));
}

/** Writes a model's card and artifact under the next version number. */
function publisher(
  { registry, engine }: TrainVersionDeps,
  ref: JobRef,
  run: TrainingRun,
  {
    data,
    readAtMs,
    settings,
    seed,
    before,
  }: {
    data: TrainingData;
    readAtMs: number;
    settings: TrainingSettings;
    seed: number;
    /** The version that adapters may have gone on from. */
    before: number | undefined;
  },
) {
  const { examples, task } = data;
  // Examples that come while a job trains are newer than its version: `askLive` and retraining rely on the order. Another
  // machine's clock may have stamped one later than ours said when it was read.
  const createdAtMs = examples.reduce(
    (last, { createdAt }) => Math.max(last, Date.parse(createdAt)),
    readAtMs,
  );
  return async (
    method: Card['method'],
    model: TrainedHead | TrainedLora,
    gate: GateDecision,
    metrics: NewJobEvent[],
  ): Promise<ModelVersion> => {
    await run.beforePublishing();
    const { sites } = engine.base;
    const adapters = 'matrices' in model && adapterRecipe(model, sites);
    return registry.models.publish(
      ref,
      ref.jobId,
      (version) => {
        const card: Card = {
          ...{ task: ref.task, version, jobId: ref.jobId },
          createdAt: new Date(createdAtMs).toISOString(),
          kind: task.kind,
          ...{ method, labels: model.labels },
          ...dataFields(data),
          baseSha256: engine.base.sha256,
          recipe: {
            ...model.recipe,
            seed,
            ...(settings.classBalance > 0 && { classBalance: settings.classBalance }),
            ...adapters,
            ...('continued' in model && model.continued && { startedFrom: before }),
          },
          seconds: model.seconds,
          gate,
          evaluation: evaluate(task.kind, data, model, metrics),
        };
        const {
          bytes,
          sha256,
          card: sealed,
        } = encodeAdapter({
          ...{ weight: model.weight, bias: model.bias, scale: model.scale, card, owner: ref },
          ...('matrices' in model && { lora: model.matrices }),
        });
        return { card: sealed, adapter: bytes, adapterSha256: sha256 };
      },
      method,
    );
  };
}

/** Undefined where there is none, or none that can be read: training goes on without it. */
async function warmStartOf(
  { models }: Pick<Registry, 'models'>,
  ref: JobRef,
  version: number,
  log: JobLog,
): Promise<Uint8Array | undefined> {
  return models.warmStart(ref, version).catch((error) => {
    log.warn(loggedError(error), 'warm start not read');
    return undefined;
  });
}

/** What a card says of how adapters were trained. */
function adapterRecipe({ settings }: TrainedLora, sites: Engine['base']['sites']): Partial<Card['recipe']> {
  const { rank, alpha, batchRows, adapterRate, headRate, weightDecay, labelSmoothing } = settings;
  return {
    lora: {
      ...{ rank, alpha },
      layers: [...new Set(sites.map(({ layer }) => layer))],
      targets: [...new Set(sites.map(({ target }) => target))],
    },
    ...{ batchRows, adapterRate, headRate, weightDecay, labelSmoothing },
  };
}
