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

/**
 * out[i, c] = Σ_j x[i, j] · w[c, j]. Two rows by two columns of `w` at a time: each number loaded is used twice,
 * and four sums run side by side, which is what V8 needs to keep the multipliers busy.
 */
export function multiplyTransposed(x: Matrix, w: Float64Array, count: number, out: Float64Array): void {
  const { rows, columns, data } = x;
  let i = 0;
  for (; i + 1 < rows; i += 2) {
    const row = i * columns;
    let c = 0;
    for (; c + 1 < count; c += 2) {
      const at = c * columns;
      let a = 0;
      let b = 0;
      let d = 0;
      let e = 0;
      for (let j = 0; j < columns; j += 1) {
        const x0 = data[row + j];
        const x1 = data[row + columns + j];
        const w0 = w[at + j];
        const w1 = w[at + columns + j];
        a += x0 * w0;
        b += x0 * w1;
        d += x1 * w0;
        e += x1 * w1;
      }
      out[i * count + c] = a;
      out[i * count + c + 1] = b;
      out[(i + 1) * count + c] = d;
      out[(i + 1) * count + c + 1] = e;
    }
    if (c < count) {
      out[i * count + c] = dot(data, row, w, c * columns, columns);
      out[(i + 1) * count + c] = dot(data, row + columns, w, c * columns, columns);
    }
  }
  if (i < rows)
    for (let c = 0; c < count; c += 1) out[i * count + c] = dot(data, i * columns, w, c * columns, columns);
}

/** out[c, j] = Σ_i r[i, c] · x[i, j]: the other half of a gradient. Four rows at a time, so `out` is touched less. */
export function accumulateOuter(x: Matrix, r: Float64Array, count: number, out: Float64Array): void {
  const { rows, columns, data } = x;
  out.fill(0, 0, count * columns);
  let i = 0;
  for (; i + 3 < rows; i += 4) {
    const row = i * columns;
    for (let c = 0; c < count; c += 1) {
      const at = c * columns;
      const r0 = r[i * count + c];
      const r1 = r[(i + 1) * count + c];
      const r2 = r[(i + 2) * count + c];
      const r3 = r[(i + 3) * count + c];
      for (let j = 0; j < columns; j += 1) {
        const k = row + j;
        out[at + j] +=
          r0 * data[k] + r1 * data[k + columns] + r2 * data[k + 2 * columns] + r3 * data[k + 3 * columns];
      }
    }
  }
  for (; i < rows; i += 1)
    for (let c = 0; c < count; c += 1) {
      const scale = r[i * count + c];
      for (let j = 0; j < columns; j += 1) out[c * columns + j] += scale * data[i * columns + j];
    }
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
