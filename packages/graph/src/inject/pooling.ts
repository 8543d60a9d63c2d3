/** From a row's tokens or pixels to one vector. */

import { int } from '../autodiff/emitter.js';
import { castCodes } from '../builder.js';
import { GraphError } from '../error.js';
import type { Graft } from './graft.js';

/**
 * `mean` of unmasked tokens, `cls` the first token, `last` the last unmasked token (decoders; padding on either side), `spatial` the
 * mean over an image's positions, `none` for values that are vectors already.
 */
export type Pooling = 'mean' | 'cls' | 'last' | 'spatial' | 'none';

/** `value` [rows, tokens, features] (`spatial`: [rows, features, …]; `none`: [rows, features]) to [rows, features]. */
export function pool(
  { e, c, current }: Graft,
  value: string,
  pooling: Pooling,
  mask: string | undefined,
): string {
  e.scope = 'pool';
  const x = current(value);
  if (pooling === 'none') return x;
  if (pooling === 'cls') return e.op('Gather', [x, e.constant('int64', [], [0])], { axis: int(1) });
  if (pooling === 'spatial') {
    const flat = e.op('Reshape', [x, e.int64s([0, 0, -1])]);
    return e.op('ReduceMean', [flat, e.int64s([2])], { keepdims: int(0) });
  }
  if (!mask)
    throw new GraphError('bad_injection', `pooling "${pooling}" needs a mask of the tokens; name its input`);
  const float = { to: int(castCodes.float32) };
  const present = e.op('Cast', [mask], float);
  let weights: string;
  if (pooling === 'mean') {
    // A row without tokens pools to zero instead of dividing by it.
    const n = e.op('Max', [e.op('ReduceSum', [present, e.int64s([1])], { keepdims: int(1) }), c(1e-9)]);
    weights = e.op('Div', [present, n]);
  } else {
    // Token s stands at s + 1, so that a masked one, at 0, is never last.
    const size = e.op('Squeeze', [e.op('Shape', [mask], { start: int(1), end: int(2) })]);
    const one = e.constant('int64', [], [1]);
    const at = e.op('Cast', [e.op('Range', [one, e.op('Add', [size, one]), one])], float);
    const positions = e.op('Mul', [present, at]);
    const last = e.op('ReduceMax', [positions, e.int64s([1])], { keepdims: int(1) });
    weights = e.op('Cast', [e.op('Equal', [at, last])], float);
  }
  // Σₛ wₛxₛ as a product of a row with the tokens' matrix.
  const row = e.op('Unsqueeze', [weights, e.int64s([1])]);
  return e.op('Squeeze', [e.op('MatMul', [row, x]), e.int64s([1])]);
}
