import { AppError, type ModelRef, type TaskKind } from '@scion/contracts';
import type { Engine, LiveAnswers } from '@scion/engine';
import type { TrainingRow } from '../estimator/trainer.js';
import type { LiveVersion } from './records.js';

/**
 * What the live version says of the rows that it was not trained on; undefined when nothing is live, or when what is live
 * cannot answer: it belongs to another base or kind, or its artifact is damaged, which training anew heals.
 */
export async function askLive(
  engine: Pick<Engine, 'base' | 'predict'>,
  ref: ModelRef,
  {
    kind,
    rows,
    live,
    signal,
  }: { kind: TaskKind; rows: TrainingRow[]; live: LiveVersion | null; signal: AbortSignal },
): Promise<LiveAnswers | undefined> {
  if (!live || live.card.baseSha256 !== engine.base.sha256 || live.card.kind !== kind) return undefined;
  const { version, adapterSha256, card, rowIds } = live;
  const known = rowIds && new Set(rowIds);
  const fresh = known ? rows.flatMap(({ id }, row) => (known.has(id) ? [] : [row])) : [];
  if (fresh.length === 0)
    return { version, labels: card.labels, rows: fresh, predictions: new Float32Array() };
  try {
    const inputs = fresh.map((row) => rows[row]!.input);
    const { labels, probabilities } = await engine.predict({ ...ref, version, adapterSha256 }, inputs, {
      signal,
    });
    return { version, labels, rows: fresh, predictions: probabilities };
  } catch (error) {
    if (error instanceof AppError && error.code === 'artifact_invalid') return undefined;
    throw error;
  }
}
