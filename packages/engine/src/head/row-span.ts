import { type Matrix, matrix, type Products, plainProducts } from './matrix.js';

/**
 * With fewer rows than columns, an L2-penalised linear fit lies in the span of its rows (the representer theorem:
 * B. Schölkopf, R. Herbrich, A. Smola, 2001). In an orthonormal basis Q of that span, X = L Q and W = V Q, so that
 * ‖W‖ = ‖V‖ and W Xᵀ = V Lᵀ: fitting V to the short rows of L is the same problem, exactly.
 */
export interface RowSpan {
  /** L, rows × rank. */
  coordinates: Matrix;
  /** W [count, columns of X] of V [count, rank], both row-major. */
  expand(v: Float64Array, count: number): Promise<Float64Array>;
}

/** What is left of a row, squared, relative to the longest, when it counts as lying in the span of the others. */
const TOLERANCE = 1e-12;

/** L comes from a Cholesky factorisation with diagonal pivoting of the Gram matrix XXᵀ (N. Higham, 1990). */
export async function rowSpan(x: Matrix, products: Products = plainProducts): Promise<RowSpan> {
  const { rows } = x;
  const gram = await products.multiplyTransposed(x, x.data, rows);
  const factor = new Float64Array(rows * rows);
  const rest = Float64Array.from({ length: rows }, (_, i) => gram[i * rows + i]);
  const stop = TOLERANCE * rest.reduce((most, value) => Math.max(most, value), 0);
  const pivots: number[] = [];
  while (pivots.length < rows) {
    let pivot = 0;
    for (let i = 1; i < rows; i += 1) if (rest[i] > rest[pivot]) pivot = i;
    if (!(rest[pivot] > stop)) break;
    const k = pivots.length;
    const diagonal = Math.sqrt(rest[pivot]);
    const pivotRow = factor.subarray(pivot * rows, pivot * rows + k);
    for (let i = 0; i < rows; i += 1) {
      // Rows taken before have nothing left; rounding must not give it back to them.
      if (rest[i] === 0) continue;
      let value = gram[i * rows + pivot];
      const at = i * rows;
      for (let m = 0; m < k; m += 1) value -= factor[at + m] * pivotRow[m];
      value /= diagonal;
      factor[at + k] = value;
      rest[i] = Math.max(0, rest[i] - value * value);
    }
    factor[pivot * rows + k] = diagonal;
    rest[pivot] = 0;
    pivots.push(pivot);
  }

  const rank = pivots.length;
  const coordinates = matrix(rows, rank);
  for (let i = 0; i < rows; i += 1)
    coordinates.data.set(factor.subarray(i * rows, i * rows + rank), i * rank);
  return { coordinates, expand: (v, count) => expand(x, coordinates, pivots, v, count, products) };
}

/** The pivot rows obey X_p = L_pp Q with L_pp lower triangular, so W = V Q = (V L_pp⁻¹) X_p. */
async function expand(
  x: Matrix,
  { data, columns: rank }: Matrix,
  pivots: number[],
  v: Float64Array,
  count: number,
  products: Products,
): Promise<Float64Array> {
  const solved = new Float64Array(rank * count);
  for (let c = 0; c < count; c += 1)
    for (let k = rank - 1; k >= 0; k -= 1) {
      let value = v[c * rank + k];
      for (let m = k + 1; m < rank; m += 1) value -= solved[m * count + c] * data[pivots[m] * rank + k];
      solved[k * count + c] = value / data[pivots[k] * rank + k];
    }
  const pivotRows = matrix(rank, x.columns);
  for (let k = 0; k < rank; k += 1)
    pivotRows.data.set(x.data.subarray(pivots[k] * x.columns, (pivots[k] + 1) * x.columns), k * x.columns);
  return products.sumOuter(pivotRows, solved, count);
}
