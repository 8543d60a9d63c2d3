import { AppError, type Card, type TaskKind } from '@scion/contracts';
import type { AdapterKey } from './adapter/cache.js';
import type { Engine } from './engine.js';
import type { LiveAnswers } from './gate.js';

/** A version that is live, and what its card says of how it answers. */
export interface AskedVersion {
  key: AdapterKey;
  card: Pick<Card, 'baseSha256' | 'kind' | 'labels'>;
}

/**
 * What the live version says of rows that came after it, asked as a job: it waits as one, and is not refused. Undefined when it
 * cannot answer: it belongs to another base or kind, or its artifact is damaged, which training anew heals.
 * @param rows which of the inputs it has not been trained on
 */
export async function askLive(
  engine: Pick<Engine, 'base' | 'predict'>,
  { key, card }: AskedVersion,
  { kind, inputs, rows, signal }: { kind: TaskKind; inputs: string[]; rows: number[]; signal: AbortSignal },
): Promise<LiveAnswers | undefined> {
  if (card.baseSha256 !== engine.base.sha256 || (card.kind ?? 'classification') !== kind) return undefined;
  const { version } = key;
  if (rows.length === 0) return { version, labels: card.labels, rows, predictions: new Float32Array() };
  try {
    const texts = rows.map((row) => inputs[row]);
    const { labels, probabilities } = await engine.predict(key, texts, { bulk: true, signal });
    return { version, labels, rows, predictions: probabilities };
  } catch (error) {
    if (error instanceof AppError && error.code === 'artifact_invalid') return undefined;
    throw error;
  }
}
