/** Dropout whose mask is a function of a seed input: the same seed gives the same mask, on any machine. */

import { int } from '../autodiff/emitter.js';
import { castCodes } from '../builder.js';
import type { Graft } from './graft.js';

/** The Mersenne prime 2³¹ − 1: squares of residues still fit an int64. */
const PRIME = 2147483647;

/**
 * Standard ONNX random operators take their seed as an attribute, fixed in the file; so the mask is hashed from positions.
 * x ↦ x⁵ permutes the residues modulo this prime (5 does not divide p − 1), and "add a key, raise to the 5th" repeated is the
 * MiMC construction (Albrecht et al. 2016): small integers spread over all residues, exactly, in int64.
 *
 * One number is hashed for each (user's seed, token) and one for each (seed, layer, feature); scaled to rᵢ, cⱼ in [32, 64) the
 * fractional part of rᵢ·cⱼ is the uniform number of element (i, j): a product costs far less than a hash, and its fraction has
 * 12 bits. Seeds are by user and positions counted within the user, so that training stacked or alone draws the same mask.
 */
export function createDropout(graft: Graft) {
  const { e, c } = graft;
  const whole = (value: number) => e.constant('int64', [], [value]);
  const mod = (value: string) => e.op('Mod', [value, whole(PRIME)]);
  const times = (a: string, b: string) => mod(e.op('Mul', [a, b]));
  const fifth = (x: string) => {
    const square = times(x, x);
    return times(times(square, square), x);
  };
  /** [users, n] hashed residues of 0 … n−1 under each user's seed and a key. */
  const hash = (n: string, key: number) => {
    const count = e.op('Range', [whole(0), n, whole(1)]);
    const seed = e.op('Unsqueeze', [mod(graft.seed()), e.int64s([1])]);
    let x = e.op('Add', [seed, whole(key)]);
    x = e.op('Add', [fifth(mod(x)), count]);
    x = fifth(mod(e.op('Add', [x, whole(7919)])));
    return fifth(mod(e.op('Add', [x, whole(104729)])));
  };
  /** Residues as floats in [32, 64). */
  const scaled = (residues: string) => {
    const float = e.op('Cast', [residues], { to: int(castCodes.float32) });
    return e.op('Add', [e.op('Mul', [float, c(32 / PRIME)]), c(32)]);
  };
  return (x: string, features: number, rate: number, layer: string): string => {
    const scope = e.scope;
    e.scope = 'dropout';
    const tokens = e.op('Squeeze', [e.op('Shape', [x], { start: int(1), end: int(2) })]);
    const rows = e.op('Unsqueeze', [scaled(hash(tokens, 0)), e.int64s([2])]);
    const columns = e.op('Unsqueeze', [scaled(hash(whole(features), keyOf(layer))), e.int64s([1])]);
    const product = e.op('Mul', [rows, columns]);
    const uniform = e.op('Sub', [product, e.op('Floor', [product])]);
    const kept = e.op('GreaterOrEqual', [uniform, c(rate)]);
    e.scope = scope;
    // What is kept grows by 1/(1 − rate), so that the sum's expectation stays (Srivastava et al. 2014).
    return e.op('Where', [kept, e.op('Mul', [x, c(1 / (1 - rate))]), c(0)]);
  };
}

/** A key for a layer's name: FNV-1a, below the prime and never 0, which is the rows' key. */
function keyOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return ((hash >>> 0) % (PRIME - 1)) + 1;
}
