import { type Matrix, matrix } from './matrix.js';

export interface Standardized {
  /** (feature − mean) · scale; a row's squared length is about 1. */
  x: Matrix;
  mean: Float64Array;
  scale: Float64Array;
}

/**
 * How many rows' worth of the average variance each feature's own is mixed with: of four rows a feature's variance
 * says next to nothing, and dividing by a chance near-zero would blow that feature up.
 */
const PRIOR_ROWS = 30;
/**
 * In parts of the features' mean square, what is added to every variance. Of rows that are copies of one text all variance is
 * rounding, which brought to unit length would get weights of 10¹², more than a half holds. Rows that differ by much more than
 * a thousandth of their length, as texts do, hardly notice.
 */
const ROUNDING = 1e-6;

/**
 * Centres each feature, brings it to unit variance and divides by √features, so that one penalty means the same for
 * any base. Means and variances are weighted by row. Uses no labels, hence is computed once for all folds.
 * @param features rows × columns
 */
export function standardize(features: Float32Array, columns: number, rowWeights: Float64Array): Standardized {
  const rows = rowWeights.length;
  const total = rowWeights.reduce((sum, weight) => sum + weight, 0);
  const mean = new Float64Array(columns);
  const variance = new Float64Array(columns);
  for (let i = 0; i < rows; i += 1)
    for (let j = 0; j < columns; j += 1) mean[j] += (rowWeights[i] / total) * features[i * columns + j];
  for (let i = 0; i < rows; i += 1)
    for (let j = 0; j < columns; j += 1) {
      const apart = features[i * columns + j] - mean[j];
      variance[j] += (rowWeights[i] / total) * apart * apart;
    }
  const average = variance.reduce((sum, value) => sum + value, 0) / columns;
  const square = average + mean.reduce((sum, value) => sum + value * value, 0) / columns;
  const scale = variance.map((own) => {
    const mixed = (rows * own + PRIOR_ROWS * average) / (rows + PRIOR_ROWS);
    // Of features that are all zero any finite scale will do.
    return 1 / (Math.sqrt(columns * (mixed + ROUNDING * square)) || 1);
  });
  const x = matrix(rows, columns);
  for (let i = 0; i < rows; i += 1)
    for (let j = 0; j < columns; j += 1)
      x.data[i * columns + j] = (features[i * columns + j] - mean[j]) * scale[j];
  return { x, mean, scale };
}
