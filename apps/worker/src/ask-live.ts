import { AppError, type Example, type ModelRef, type ModelVersion, type TaskKind } from '@scion/contracts';
import type { Engine, LiveAnswers } from '@scion/engine';
import type { JobRef, Models } from '@scion/registry';

type LiveModels = Pick<Models, 'live' | 'history' | 'version'>;

/**
 * What the live version says of the examples that came after it; undefined when nothing is live, or when what is live
 * cannot answer: it belongs to another base or kind, or its artifact is damaged, which training anew heals. A card's
 * `createdAt` is never before an example that its version was trained on, so no row of the answer is one that the
 * version has seen. What this very job has put live does not count: the one before it does.
 */
export async function askLive(
  { models, engine }: { models: LiveModels; engine: Pick<Engine, 'base' | 'predict'> },
  ref: JobRef,
  { kind, examples, signal }: { kind: TaskKind; examples: Example[]; signal: AbortSignal },
): Promise<LiveAnswers | undefined> {
  try {
    const live = await liveBefore(models, ref);
    if (!live || live.card.baseSha256 !== engine.base.sha256) return undefined;
    if ((live.card.kind ?? 'classification') !== kind) return undefined;
    const { version, adapterSha256, card } = live;
    const rows = examples.flatMap(({ createdAt }, row) => (createdAt > card.createdAt ? [row] : []));
    if (rows.length === 0) return { version, labels: card.labels, rows, predictions: new Float32Array() };
    const { labels, probabilities } = await engine.predict(
      { ...modelOf(ref), version, adapterSha256 },
      rows.map((row) => examples[row]!.input),
      { bulk: true, signal },
    );
    return { version, labels, rows, predictions: probabilities };
  } catch (error) {
    if (error instanceof AppError && error.code === 'artifact_invalid') return undefined;
    throw error;
  }
}

async function liveBefore(models: LiveModels, ref: JobRef): Promise<ModelVersion | undefined> {
  const live = await models.live(ref);
  if (live?.card.jobId !== ref.jobId) return live;
  const before = (await models.history(ref)).find(({ by }) => by !== ref.jobId);
  if (!before) return undefined;
  return models.version(ref, before.version).catch((error) => {
    // Collected since.
    if (error instanceof AppError && error.code === 'version_not_found') return undefined;
    throw error;
  });
}

const modelOf = ({ tenantId, task, user }: ModelRef): ModelRef => ({ tenantId, task, user });
