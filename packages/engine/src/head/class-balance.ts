import type { Targets } from './targets.js';

/**
 * Weights with those of rare labels raised: times (mean count / own count)^strength, which at 1 lets every label weigh the
 * same in all, and in sum what they weighed before.
 */
export function balanced(
  { kind, outputs, values }: Targets,
  weights: Float64Array,
  strength: number,
): Float64Array {
  if (kind !== 'classification' || strength === 0) return weights;
  const counts = new Float64Array(outputs);
  for (const [at, value] of values.entries())
    counts[at % outputs] += value * weights[Math.floor(at / outputs)];
  const factors = counts.map((count) => (count === 0 ? 0 : count ** -strength));
  const raised = weights.map((weight, row) => {
    let factor = 0;
    for (let c = 0; c < outputs; c += 1) factor += values[row * outputs + c] * factors[c];
    return weight * factor;
  });
  const sum = (all: Float64Array) => all.reduce((total, weight) => total + weight, 0);
  const scale = sum(weights) / sum(raised);
  return raised.map((weight) => weight * scale);
}
