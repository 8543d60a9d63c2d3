import type { Metrics } from '@scion/contracts';

/**
 * The least probability that a log-loss counts: a model that has never seen a label gives it none, and one such row
 * would make every mean infinite.
 */
export const PROBABILITY_FLOOR = 1e-6;

/** −log of the probability of the true class, nats. `y` −1: a class that the model does not have. */
export function rowLogLoss(probabilities: Float32Array, row: number, classes: number, y: number): number {
  return -Math.log(Math.max(PROBABILITY_FLOOR, y < 0 ? 0 : probabilities[row * classes + y]));
}

export function bestClass(probabilities: Float32Array, row: number, classes: number): number {
  let best = 0;
  for (let c = 1; c < classes; c += 1)
    if (probabilities[row * classes + c] > probabilities[row * classes + best]) best = c;
  return best;
}

/**
 * Of probabilities, rows × classes, against true classes. Macro-F1 is the mean over the classes that occur, in truth
 * or in the answers; a class of the model that does neither says nothing.
 */
export function measure(probabilities: Float32Array, y: ArrayLike<number>, classes: number): Metrics {
  const rows = y.length;
  const truth = new Map<number, number>();
  const answered = new Map<number, number>();
  const right = new Map<number, number>();
  const count = (map: Map<number, number>, key: number) => map.set(key, (map.get(key) ?? 0) + 1);
  let logLoss = 0;
  let hits = 0;
  for (let i = 0; i < rows; i += 1) {
    const answer = bestClass(probabilities, i, classes);
    logLoss += rowLogLoss(probabilities, i, classes, y[i]);
    count(truth, y[i]);
    count(answered, answer);
    if (answer === y[i]) {
      hits += 1;
      count(right, answer);
    }
  }
  const occurring = new Set([...truth.keys(), ...answered.keys()]);
  let f1 = 0;
  for (const c of occurring) f1 += (2 * (right.get(c) ?? 0)) / ((truth.get(c) ?? 0) + (answered.get(c) ?? 0));
  return rows === 0
    ? { accuracy: 0, macroF1: 0, logLoss: 0, rows }
    : { accuracy: hits / rows, macroF1: f1 / occurring.size, logLoss: logLoss / rows, rows };
}
