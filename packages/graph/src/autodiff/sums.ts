/**
 * Sums over one axis as products with ones. Users who share a run must get, to the last bit, what each gets alone. A batched
 * product does the same for each of its matrices, however many there are. ReduceSum does not: ONNX Runtime first merges
 * neighbouring axes (an axis of one user with the next), and sums by whichever routine suits what that leaves, some of them
 * beginning at the first aligned address. (So the hidden size has to be a multiple of 4, as it is of all encoders: of means over
 * features, in layer norms, each row then begins at such an address.)
 */
import { type Emitter, int } from './emitter.js';

/** […, R, C] to the sums of its rows, […, R, 1]. */
export function rowSums(e: Emitter, value: string): string {
  return e.op('MatMul', [value, ones(e, value, [dims(e, value, 0, -2), dims(e, value, -1), e.int64s([1])])]);
}

/** […, R, C] to the sums of its columns, […, 1, C]. */
export function columnSums(e: Emitter, value: string): string {
  return e.op('MatMul', [
    ones(e, value, [dims(e, value, 0, -2), e.int64s([1]), dims(e, value, -2, -1)]),
    value,
  ]);
}

const dims = (e: Emitter, value: string, start: number, end?: number) =>
  e.op('Shape', [value], { start: int(start), ...(end === undefined ? {} : { end: int(end) }) });

/** Of the value's type. */
function ones(e: Emitter, value: string, shape: string[]): string {
  const one = e.op('CastLike', [e.scalar('float32', 1), value]);
  return e.op('Expand', [one, e.op('Concat', shape, { axis: int(0) })]);
}
