import { setImmediate } from 'node:timers/promises';
import { adapterWeight, type DecodedAdapter } from './adapter.js';

/** Multiply-adds between two breaths of the event loop: some 3 ms. */
const SLICE = 4_000_000;

/**
 * softmax(features · weightᵀ + bias), rows × labels. The head is small beside the base's run that gave the features;
 * where it is not (hundreds of labels and rows) the event loop breathes in between.
 * @param features rows × columns of the head's weight
 */
export async function applyHead(adapter: DecodedAdapter, features: Float32Array): Promise<Float32Array> {
  const classes = adapter.labels.length;
  const weight = adapterWeight(adapter);
  const columns = weight.length / classes;
  const rows = features.length / columns;
  const out = new Float32Array(rows * classes);
  let work = 0;
  for (let row = 0; row < rows; row += 1) {
    for (let c = 0; c < classes; c += 1) {
      let logit = adapter.bias[c];
      const at = c * columns;
      const from = row * columns;
      for (let j = 0; j < columns; j += 1) logit += weight[at + j] * features[from + j];
      out[row * classes + c] = logit;
    }
    softmax(out.subarray(row * classes, (row + 1) * classes));
    work += classes * columns;
    if (work > SLICE) {
      work = 0;
      await setImmediate();
    }
  }
  return out;
}

/** In place. */
export function softmax(logits: Float32Array): void {
  const most = logits.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (let c = 0; c < logits.length; c += 1) {
    logits[c] = Math.exp(logits[c] - most);
    sum += logits[c];
  }
  for (let c = 0; c < logits.length; c += 1) logits[c] /= sum;
}
