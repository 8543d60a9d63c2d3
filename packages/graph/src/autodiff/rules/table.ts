import type { Rule } from '../rule.js';
import { activations } from './activations.js';
import { arithmetic } from './arithmetic.js';
import { convolutions } from './convolution.js';
import { linear } from './linear.js';
import { movement } from './movement.js';
import { normalisations } from './normalisation.js';
import { reductions } from './reduction.js';

/**
 * The table: a gradient rule for each operator that may lie between a parameter and the loss. Rules emit standard
 * inference operators of opset 20 only, so that what they make runs wherever the model itself runs.
 */
export const rules: ReadonlyMap<string, Rule> = new Map(
  Object.entries({
    ...arithmetic,
    ...activations,
    ...linear,
    ...movement,
    ...reductions,
    ...normalisations,
    ...convolutions,
  }),
);

/**
 * Step functions: their derivative is zero wherever it exists, so the walk stops there. (Operators that answer integers or
 * bools, as Shape, Equal or IsNaN, carry no gradient by their type.)
 */
export const steps: ReadonlySet<string> = new Set(['Sign', 'Floor', 'Ceil', 'Round']);
