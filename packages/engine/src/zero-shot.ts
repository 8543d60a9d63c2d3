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
