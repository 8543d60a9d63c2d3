import { AppError, type Example, type ModelRef, type ModelVersion, type TaskKind } from '@scion/contracts';
import { askLive as ask, type Engine, type LiveAnswers } from '@scion/engine';
import type { JobRef, Models } from '@scion/registry';

type LiveModels = Pick<Models, 'live' | 'history' | 'version'>;

/**
 * What the live version says of the examples that came after it; undefined when nothing is live, or when what is live
 * cannot answer. A card's `createdAt` is never before an example that its version was trained on, so no row of the answer
 * is one that the version has seen. What this very job has put live does not count: the one before it does.
 */
export async function askLive(
  { models, engine }: { models: LiveModels; engine: Pick<Engine, 'base' | 'predict'> },
  ref: JobRef,
  { kind, examples, signal }: { kind: TaskKind; examples: Example[]; signal: AbortSignal },
): Promise<LiveAnswers | undefined> {
  const live = await liveBefore(models, ref).catch((error) => {
    // Its card is damaged.
    if (error instanceof AppError && error.code === 'artifact_invalid') return undefined;
    throw error;
  });
  if (!live) return undefined;
  const { version, adapterSha256, card } = live;
  return ask(
    engine,
    { key: { ...modelOf(ref), version, adapterSha256 }, card },
    {
      ...{ kind, signal, inputs: examples.map(({ input }) => input) },
      rows: examples.flatMap(({ createdAt }, row) => (createdAt > card.createdAt ? [row] : [])),
    },
  );
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
