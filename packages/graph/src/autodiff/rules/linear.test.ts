import fc from 'fast-check';
import { broadcastShapes, type Case, checkRules, float, int, size } from '../../testing/rule-properties.js';
import { linear } from './linear.js';

const matmulShapes = fc
  .record({ batch: broadcastShapes(2), m: size, k: size, n: size, kind: fc.integer({ min: 0, max: 3 }) })
  .map(({ batch: [a, b], m, k, n, kind }) => {
    if (kind === 1) return [[k], [...b, k, n]];
    if (kind === 2) return [[...a, m, k], [k]];
    if (kind === 3)
      return [
        [...a, m, k],
        [k, n],
      ];
    return [
      [...a, m, k],
      [...b, k, n],
    ];
  });

checkRules(linear, {
  MatMul: matmulShapes.map(([a, b]) => ({ op: 'MatMul', operands: [{ shape: a }, { shape: b }] })),
  Gemm: fc
    .record({
      m: size,
      k: size,
      n: size,
      a: fc.boolean(),
      b: fc.boolean(),
      c: fc.integer({ min: 0, max: 4 }),
    })
    .map(
      ({ m, k, n, a, b, c }): Case => ({
        op: 'Gemm',
        operands: [
          { shape: a ? [k, m] : [m, k] },
          { shape: b ? [n, k] : [k, n] },
          ...(c === 0 ? [] : [{ shape: [[n], [m, n], [1, n], [m, 1]][c - 1] }]),
        ],
        attributes: { transA: int(a ? 1 : 0), transB: int(b ? 1 : 0), alpha: float(0.5), beta: float(2) },
      }),
    ),
});
