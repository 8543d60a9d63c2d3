import { LRUCache } from 'lru-cache';
import type { LabelProbabilities, TenantCall } from './calls.js';
import { softmax } from './softmax.js';

/**
 * The cosine of text and label name is divided by this before the softmax. Chosen on labelled sets for least log-loss
 * (test/bench/quality.mjs has the sets): cosines of MiniLM differ by some tenths between a right and a wrong name.
 */
export const ZERO_SHOT_TEMPERATURE = 0.07;

/** A label as a phrase that the encoder knows: `lostCard`, `lost_card` and `lost-card` are all "lost card". */
export function labelPhrase(label: string): string {
  const words = label
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .replace(/[_\-./]+/g, ' ')
    .trim();
  return words === '' ? label : words;
}

/**
 * Probabilities, texts × labels, from embeddings of unit length.
 * @param texts rows × size
 * @param labels labels × size
 */
export function nearestLabels(texts: Float32Array, labels: Float32Array, size: number): Float32Array {
  const rows = texts.length / size;
  const count = labels.length / size;
  const out = new Float32Array(rows * count);
  for (let row = 0; row < rows; row += 1) {
    for (let label = 0; label < count; label += 1) {
      let cosine = 0;
      for (let j = 0; j < size; j += 1) cosine += texts[row * size + j] * labels[label * size + j];
      out[row * count + label] = cosine / ZERO_SHOT_TEMPERATURE;
    }
    softmax(out.subarray(row * count, (row + 1) * count));
  }
  return out;
}

/** Embedded label names kept: 1.5 kB each. */
const LABEL_NAMES = 5_000;

/** Zero-shot answers; label names are embedded once a tenant, for who uses which is nobody else's to find out. */
export function createZeroShot({
  embed,
  hiddenSize,
}: {
  embed(texts: string[], call: TenantCall): Promise<Float32Array>;
  hiddenSize: number;
}) {
  const names = new LRUCache<string, Float32Array>({ max: LABEL_NAMES });
  const embedLabels = async (labels: string[], call: TenantCall): Promise<Float32Array> => {
    const keyOf = (label: string) => JSON.stringify([call.tenantId, label]);
    // Taken out before anything is waited for: others' names may push them out meanwhile.
    const known = new Map(labels.map((label) => [label, names.get(keyOf(label))]));
    const missing = [...known.keys()].filter((label) => known.get(label) === undefined);
    const found = await embed(missing.map(labelPhrase), call);
    for (const [at, label] of missing.entries())
      known.set(label, found.slice(at * hiddenSize, (at + 1) * hiddenSize));
    const out = new Float32Array(labels.length * hiddenSize);
    for (const [at, label] of labels.entries()) {
      const embedding = known.get(label)!;
      names.set(keyOf(label), embedding);
      out.set(embedding, at * hiddenSize);
    }
    return out;
  };
  return async (labels: string[], texts: string[], call: TenantCall = {}): Promise<LabelProbabilities> => {
    const [named, rows] = await Promise.all([embedLabels(labels, call), embed(texts, call)]);
    return { labels: [...labels], probabilities: nearestLabels(rows, named, hiddenSize) };
  };
}
