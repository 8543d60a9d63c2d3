/** Matrix products. For Y = AB with G = ∂L/∂Y: ∂L/∂A = GBᵀ, ∂L/∂B = AᵀG (Giles 2008, "Collected matrix derivative results"). */
import type { Dim } from '../../ir.js';
import type { Rule } from '../rule.js';

/** Whether a dimension is known to be below another; one that varies between runs counts as large. */
const narrower = (a: Dim, b: Dim) => typeof a === 'number' && (typeof b !== 'number' || a < b);

export const linear: Record<string, Rule> = {
  /**
   * numpy.matmul: leading axes are a batch and broadcast; a vector operand is a matrix of one row (left) or column
   * (right) whose extra axis is dropped from the result.
   */
  MatMul: ({ x: [a, b], y: [y], g, e, shape }) => {
    const rowVector = shape(a).length === 1;
    const columnVector = shape(b).length === 1;
    const left = rowVector ? e.unsqueeze(a, [0]) : a;
    const right = columnVector ? e.unsqueeze(b, [1]) : b;
    const aShape = rowVector ? [1, ...shape(a)] : shape(a);
    const bShape = columnVector ? [...shape(b), 1] : shape(b);
    const batch = shape(y).slice(0, shape(y).length - (rowVector ? 0 : 1) - (columnVector ? 0 : 1));
    const lost = [...(rowVector ? [batch.length] : []), ...(columnVector ? [batch.length + 1] : [])];
    const gradient = lost.length > 0 ? e.unsqueeze(g, lost) : g;
    const [m, k, n] = [aShape[aShape.length - 2], aShape[aShape.length - 1], bShape[bShape.length - 1]];
    return [
      () => {
        const pulled = e.sumTo(e.matmul(gradient, e.t(right, bShape.length)), [...batch, m, k], aShape);
        return rowVector ? e.reshapeLike(pulled, a) : pulled;
      },
      () => {
        if (bShape.length === 2 && typeof k === 'number' && typeof n === 'number') {
          // One shared right matrix: the batch is only more rows, and one product sums over all of them.
          const flat = (value: string, width: number) =>
            aShape.length === 2 ? value : e.reshape(value, [-1, width]);
          const pulled = e.matmul(e.t(flat(left, k), 2), flat(gradient, n));
          return columnVector ? e.reshapeLike(pulled, b) : pulled;
        }
        const product = narrower(n, k)
          ? e.t(e.matmul(e.t(gradient, batch.length + 2), left), batch.length + 2)
          : e.matmul(e.t(left, aShape.length), gradient);
        const pulled = e.sumTo(product, [...batch, k, n], bShape);
        return columnVector ? e.reshapeLike(pulled, b) : pulled;
      },
    ];
  },

  /** Y = α·A′B′ + β·C, a prime meaning transposed where transA or transB says so; C broadcasts. */
  Gemm: ({ x: [a, b, bias], y: [y], g, e, c, shape, attribute }) => {
    const [transA, transB] = [attribute.int('transA', 0) !== 0, attribute.int('transB', 0) !== 0];
    const [alpha, beta] = [attribute.float('alpha', 1), attribute.float('beta', 1)];
    const scaled = (value: string, by: number) => (by === 1 ? value : e.mul(value, c(by)));
    const right = transB ? b : e.t(b, 2); // B′ᵀ
    const left = transA ? a : e.t(a, 2); // A′ᵀ
    return [
      () => {
        const pulled = scaled(e.matmul(g, right), alpha);
        return transA ? e.t(pulled, 2) : pulled;
      },
      () => {
        const pulled = scaled(e.matmul(left, g), alpha);
        return transB ? e.t(pulled, 2) : pulled;
      },
      () => e.sumTo(scaled(g, beta), shape(y), shape(bias)),
    ];
  },
};
