import type { DataType, Dim } from '../ir.js';
import type { Emitter } from './emitter.js';
import { int, ints } from './emitter.js';
import type { Algebra } from './rule.js';
import { columnSums, rowSums } from './sums.js';

/** What is known of values of the graph under differentiation. */
export interface Knowledge {
  shape(value: string): Dim[];
  type(value: string): DataType;
}

const isKnown = (dims: Dim[]): dims is number[] => dims.every((dim) => typeof dim === 'number');

/** The spelling of mathematics over an emitter. Only the `…Like` moves and `shapeOf` ask what is known. */
export function createAlgebra(emitter: Emitter, known: Knowledge): Algebra {
  const axes = (values: number[]) => emitter.int64s(values);
  const keep = (kept = true) => ({ keepdims: int(kept ? 1 : 0) });
  const algebra: Algebra = {
    ...emitter,
    // A spread copies the scope's value; emitting must go on reading and writing the emitter's own.
    get scope() {
      return emitter.scope;
    },
    set scope(value) {
      emitter.scope = value;
    },
    add: (a, b) => emitter.op('Add', [a, b]),
    sub: (a, b) => emitter.op('Sub', [a, b]),
    mul: (a, b) => emitter.op('Mul', [a, b]),
    div: (a, b) => emitter.op('Div', [a, b]),
    neg: (a) => emitter.op('Neg', [a]),
    exp: (a) => emitter.op('Exp', [a]),
    matmul: (a, b) => emitter.op('MatMul', [a, b]),
    transpose: (a, perm) => emitter.op('Transpose', [a], { perm: ints(perm) }),
    t(a, rank) {
      const perm = Array.from({ length: rank }, (_, i) => i);
      [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
      // A product absorbs the swap that it reads. But ONNX Runtime first merges a Transpose with one it stands on, and what they
      // merge to no product absorbs: a Reshape to the same shape, which moves nothing, keeps the two apart.
      const stacked = emitter.producer(a)?.op === 'Transpose';
      return algebra.transpose(
        stacked
          ? algebra.reshape(
              a,
              perm.map(() => 0),
            )
          : a,
        perm,
      );
    },
    sum: (a, over, kept) => emitter.op('ReduceSum', [a, axes(over)], keep(kept)),
    mean: (a, over, kept) => emitter.op('ReduceMean', [a, axes(over)], keep(kept)),
    where: (condition, a, b) => emitter.op('Where', [condition, a, b]),
    unsqueeze: (a, at) => emitter.op('Unsqueeze', [a, axes(at)]),
    shapeOf(value) {
      const dims = known.shape(value);
      return isKnown(dims) ? axes(dims) : emitter.op('Shape', [value]);
    },
    reshape: (a, dims) => emitter.op('Reshape', [a, axes(dims)]),
    reshapeLike(a, like) {
      const dims = known.shape(like);
      const unknown = dims.filter((dim) => typeof dim !== 'number').length;
      // A zero-sized dimension beside -1 would leave -1 undetermined.
      if (unknown <= 1 && !dims.includes(0)) {
        return algebra.reshape(
          a,
          dims.map((dim) => (typeof dim === 'number' ? dim : -1)),
        );
      }
      return emitter.op('Reshape', [a, algebra.shapeOf(like)]);
    },
    expandLike: (a, like) => emitter.op('Expand', [a, algebra.shapeOf(like)]),
    zerosLike: (like) => emitter.op('Expand', [emitter.scalar(known.type(like), 0), algebra.shapeOf(like)]),
    sumTo(a, from, to) {
      const extra = from.length - to.length;
      const lead = Array.from({ length: extra }, (_, i) => i);
      const repeated = to.flatMap((dim, i) => (dim === 1 && from[i + extra] !== 1 ? [i + extra] : []));
      if (repeated.length === 0) return extra === 0 ? a : algebra.sum(a, lead, false);
      if (extra === 0 && to.length > 2 && repeated.length === 1) {
        if (repeated[0] === to.length - 1) return rowSums(emitter, a);
        // Also a vector of each user's, [users, 1, features], that is added to their rows.
        if (repeated[0] === to.length - 2) return columnSums(emitter, a);
      }
      const summed = algebra.sum(a, [...lead, ...repeated]);
      return extra === 0 ? summed : emitter.op('Squeeze', [summed, axes(lead)]);
    },
  };
  return algebra;
}
