/** Dense, row-major, float64: the fit is small, and its precision is what makes it comparable with a reference. */
export interface Matrix {
  rows: number;
  columns: number;
  data: Float64Array;
}

export function matrix(rows: number, columns: number): Matrix {
  return { rows, columns, data: new Float64Array(rows * columns) };
}

export function selectRows({ columns, data }: Matrix, rows: ArrayLike<number>): Matrix {
  const out = matrix(rows.length, columns);
  for (let i = 0; i < rows.length; i += 1)
    out.data.set(data.subarray(rows[i] * columns, (rows[i] + 1) * columns), i * columns);
  return out;
}

/** The products that a fit spends its time on. An inference thread has the runtime's, which are several times as fast. */
export interface Products {
  /** Σ_j x[i, j] · w[c, j], rows × count. */
  multiplyTransposed(x: Matrix, w: Float64Array, count: number): Float64Array | Promise<Float64Array>;
  /** Σ_i r[i, c] · x[i, j], count × columns: the other half of a gradient. */
  sumOuter(x: Matrix, r: Float64Array, count: number): Float64Array | Promise<Float64Array>;
}

/** Without a runtime, and for what is too small for one. */
export const plainProducts: Products = { multiplyTransposed, sumOuter };

/**
 * In tiles of four rows by two columns of the result: of six numbers loaded come eight products, whose sums run side by side.
 * Some 1.5 times as fast as tiles of two by two.
 */
function multiplyTransposed({ rows, columns, data }: Matrix, w: Float64Array, count: number): Float64Array {
  const out = new Float64Array(rows * count);
  const tiledRows = rows - (rows % 4);
  const tiledCount = count - (count % 2);
  for (let i = 0; i < tiledRows; i += 4) {
    const row0 = i * columns;
    const row1 = row0 + columns;
    const row2 = row1 + columns;
    const row3 = row2 + columns;
    for (let c = 0; c < tiledCount; c += 2) {
      const left = c * columns;
      const right = left + columns;
      let a0 = 0;
      let b0 = 0;
      let a1 = 0;
      let b1 = 0;
      let a2 = 0;
      let b2 = 0;
      let a3 = 0;
      let b3 = 0;
      for (let j = 0; j < columns; j += 1) {
        const a = w[left + j];
        const b = w[right + j];
        const x0 = data[row0 + j];
        const x1 = data[row1 + j];
        const x2 = data[row2 + j];
        const x3 = data[row3 + j];
        a0 += x0 * a;
        b0 += x0 * b;
        a1 += x1 * a;
        b1 += x1 * b;
        a2 += x2 * a;
        b2 += x2 * b;
        a3 += x3 * a;
        b3 += x3 * b;
      }
      const at = i * count + c;
      out[at] = a0;
      out[at + 1] = b0;
      out[at + count] = a1;
      out[at + count + 1] = b1;
      out[at + 2 * count] = a2;
      out[at + 2 * count + 1] = b2;
      out[at + 3 * count] = a3;
      out[at + 3 * count + 1] = b3;
    }
  }
  for (let i = 0; i < rows; i += 1)
    for (let c = i < tiledRows ? tiledCount : 0; c < count; c += 1)
      out[i * count + c] = dot(data, i * columns, w, c * columns, columns);
  return out;
}

/** Four rows and two columns of `r` at a time, so that the result is touched a quarter as often and `x` read half as often. */
function sumOuter({ rows, columns, data }: Matrix, r: Float64Array, count: number): Float64Array {
  const out = new Float64Array(count * columns);
  const tiledRows = rows - (rows % 4);
  const tiledCount = count - (count % 2);
  for (let i = 0; i < tiledRows; i += 4) {
    const row0 = i * columns;
    const row1 = row0 + columns;
    const row2 = row1 + columns;
    const row3 = row2 + columns;
    for (let c = 0; c < tiledCount; c += 2) {
      const left = c * columns;
      const right = left + columns;
      const at = i * count + c;
      const a0 = r[at];
      const b0 = r[at + 1];
      const a1 = r[at + count];
      const b1 = r[at + count + 1];
      const a2 = r[at + 2 * count];
      const b2 = r[at + 2 * count + 1];
      const a3 = r[at + 3 * count];
      const b3 = r[at + 3 * count + 1];
      for (let j = 0; j < columns; j += 1) {
        const x0 = data[row0 + j];
        const x1 = data[row1 + j];
        const x2 = data[row2 + j];
        const x3 = data[row3 + j];
        out[left + j] += a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3;
        out[right + j] += b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3;
      }
    }
  }
  for (let i = 0; i < rows; i += 1)
    for (let c = i < tiledRows ? tiledCount : 0; c < count; c += 1) {
      const scale = r[i * count + c];
      for (let j = 0; j < columns; j += 1) out[c * columns + j] += scale * data[i * columns + j];
    }
  return out;
}

export function dot(a: Float64Array, aAt: number, b: Float64Array, bAt: number, length: number): number {
  let even = 0;
  let odd = 0;
  let j = 0;
  for (; j + 1 < length; j += 2) {
    even += a[aAt + j] * b[bAt + j];
    odd += a[aAt + j + 1] * b[bAt + j + 1];
  }
  if (j < length) even += a[aAt + j] * b[bAt + j];
  return even + odd;
}
