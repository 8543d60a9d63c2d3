import { AppError, type Example, type ModelRef } from '@scion/contracts';
import type { Engine, LiveAnswers } from '@scion/engine';
import type { Models } from '@scion/registry';

/**
 * What the live version says of the examples that came after it; undefined when nothing is live, or when what is live
 * cannot answer: it belongs to another base, or its artifact is damaged, which training anew heals. A card's
 * `createdAt` is never before an example that its version was trained on, so no row of the answer is one that the
 * version has seen.
 */
export async function askLive(
  { models, engine }: { models: Pick<Models, 'live'>; engine: Pick<Engine, 'base' | 'predict'> },
  ref: ModelRef,
  examples: Example[],
): Promise<LiveAnswers | undefined> {
  try {
    const live = await models.live(ref);
    if (!live || live.card.baseSha256 !== engine.base.sha256) return undefined;
    const { version, adapterSha256, card } = live;
    const rows = examples.flatMap(({ createdAt }, row) => (createdAt > card.createdAt ? [row] : []));
    if (rows.length === 0) return { version, labels: card.labels, rows, probabilities: new Float32Array() };
    const { labels, probabilities } = await engine.predict(
      { tenantId: ref.tenantId, task: ref.task, user: ref.user, version, adapterSha256 },
      rows.map((row) => examples[row]!.input),
    );
    return { version, labels, rows, probabilities };
  } catch (error) {
    if (error instanceof AppError && error.code === 'artifact_invalid') return undefined;
    throw error;
  }
}
