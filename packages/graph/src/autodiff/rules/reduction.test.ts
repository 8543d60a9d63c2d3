import fc from 'fast-check';
import { type Case, checkRules, i64, int, positive, shapeOf } from '../../testing/rule-properties.js';
import { reductions } from './reduction.js';

const reduction = (op: string, range: { from?: number; to?: number; apart?: boolean } = {}) =>
  shapeOf(1, 4).chain((shape) =>
    fc
      .record({
        axes: fc.subarray(
          shape.map((_, i) => i),
          { minLength: 1 },
        ),
        negative: fc.boolean(),
        keep: fc.boolean(),
        all: fc.boolean(),
        // Without axes: the identity, or each element on its own.
        noop: fc.boolean(),
      })
      .map(
        ({ axes, negative, keep, all, noop }): Case => ({
          op,
          operands: [
            { shape, ...range },
            ...(all ? [] : [i64(axes.map((axis) => (negative ? axis - shape.length : axis)))]),
          ],
          attributes: { keepdims: int(keep ? 1 : 0), noop_with_empty_axes: int(noop ? 1 : 0) },
        }),
      ),
  );

const softmax = (op: string) =>
  shapeOf(1, 4).chain((shape) =>
    fc
      .integer({ min: -shape.length, max: shape.length - 1 })
      .map((axis): Case => ({ op, operands: [{ shape, from: -2, to: 2 }], attributes: { axis: int(axis) } })),
  );

checkRules(reductions, {
  ReduceSum: reduction('ReduceSum'),
  ReduceMean: reduction('ReduceMean'),
  ReduceSumSquare: reduction('ReduceSumSquare'),
  ReduceL2: reduction('ReduceL2', positive),
  ReduceLogSumExp: reduction('ReduceLogSumExp'),
  ReduceMax: reduction('ReduceMax', { apart: true, from: -20, to: 20 }),
  ReduceMin: reduction('ReduceMin', { apart: true, from: -20, to: 20 }),
  Softmax: softmax('Softmax'),
  LogSoftmax: softmax('LogSoftmax'),
});
