import { type Matrix, matrix } from './matrix.js';

/**
 * What labels are called, as directions among a row's features: the base's embeddings of the names, which lie in the last
 * columns. A head that starts from them knows what it is looking for before it has seen an example of it.
 */

/** Likeness is measured in thirds of a cosine: its weight is then about as large as the others are, and is found in fewer steps. */
const UNIT = 3;

/** The product of each row's last columns and each name, for features of unit length thrice their cosine: rows × outputs. */
export function likenessOf(
  features: Float32Array,
  columns: number,
  names: Float32Array,
  outputs: number,
): Matrix {
  const size = names.length / outputs;
  const out = matrix(features.length / columns, outputs);
  for (let row = 0; row < out.rows; row += 1)
    for (let c = 0; c < outputs; c += 1) {
      let sum = 0;
      const from = (row + 1) * columns - size;
      for (let j = 0; j < size; j += 1) sum += features[from + j] * names[c * size + j];
      out.data[row * outputs + c] = UNIT * sum;
    }
  return out;
}

/** Weights of a head, outputs × columns, and `tau` times the likeness to the names, as the weights of one head. */
export function addNames(
  weight: Float32Array,
  columns: number,
  names: Float32Array,
  tau: number,
  outputs: number,
): void {
  const size = names.length / outputs;
  for (let c = 0; c < outputs; c += 1)
    for (let j = 0; j < size; j += 1)
      weight[(c + 1) * columns - size + j] += tau * UNIT * names[c * size + j];
}
