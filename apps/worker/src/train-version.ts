import type { Card, Clock, JobStage, ModelVersion } from '@scion/contracts';
import { decideGate, type Engine, encodeAdapter } from '@scion/engine';
import type { NewJobEvent } from '@scion/queue';
import type { JobRef, Registry } from '@scion/registry';
import { askLive } from './ask-live.js';
import { seedOf } from './seed.js';
import { loadTrainingData } from './training-data.js';

export interface TrainVersionDeps {
  registry: Pick<Registry, 'tasks' | 'examples' | 'models'>;
  engine: Pick<Engine, 'base' | 'trainHead' | 'predict'>;
  clock: Clock;
}

export interface Progress {
  /** Enters a stage, at a share of the whole job. */
  stage(stage: JobStage, progress: number): Promise<void>;
  /** A point of a loss curve. */
  metric(event: NewJobEvent): void;
}

/**
 * From examples to a published version that the gate has judged. Publishing is the only effect, and it happens once for
 * a job. `beforePublishing` is the last chance to stop: it throws.
 */
export async function trainVersion(
  { registry, engine, clock }: TrainVersionDeps,
  ref: JobRef,
  run: { signal: AbortSignal; progress: Progress; beforePublishing(): Promise<void> },
): Promise<ModelVersion> {
  const { signal, progress } = run;
  const { examples, dataSha256, counts } = await loadTrainingData(registry, ref);
  signal.throwIfAborted();

  await progress.stage('head', 0.05);
  const seed = seedOf(ref);
  const head = await engine.trainHead(
    {
      texts: examples.map(({ input }) => input),
      labels: examples.map(({ label }) => label),
      weights: examples.map(({ weight }) => weight),
      ids: examples.map(({ id }) => id),
    },
    { seed, signal, onEvent: (event) => progress.metric({ type: 'metric', ...event }) },
  );
  signal.throwIfAborted();

  await progress.stage('evaluating', 0.8);
  const live = await askLive({ models: registry.models, engine }, ref, examples);
  const gate = decideGate({
    truth: examples.map(({ label }) => label),
    candidate: { labels: head.labels, ...head.outOfFold },
    live,
  });
  signal.throwIfAborted();

  await progress.stage('publishing', 0.9);
  await run.beforePublishing();
  // Another machine's clock may have stamped an example later than ours says now; `askLive` relies on the order.
  const createdAtMs = examples.reduce(
    (last, { createdAt }) => Math.max(last, Date.parse(createdAt)),
    clock(),
  );
  return registry.models.publish(ref, ref.jobId, (version) => {
    const card: Card = {
      task: ref.task,
      version,
      jobId: ref.jobId,
      createdAt: new Date(createdAtMs).toISOString(),
      method: 'head',
      labels: head.labels,
      examples: examples.length,
      examplesPerLabel: Object.fromEntries(counts),
      baseSha256: engine.base.sha256,
      dataSha256,
      recipe: { ...head.recipe, seed },
      seconds: head.seconds,
      gate,
    };
    const { bytes, sha256 } = encodeAdapter({ weight: head.weight, bias: head.bias, card, owner: ref });
    return { card, adapter: bytes, adapterSha256: sha256 };
  });
}
