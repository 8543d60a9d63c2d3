import type { GateDecision, Metrics } from '@scion/contracts';
import { bestClass, measure, rowLogLoss } from './head/metrics.js';

/** Out-of-fold answers of the candidate: what heads fitted without a row say of it. */
export interface Candidate {
  labels: string[];
  /** Which of the examples were held out, as indices. */
  rows: ArrayLike<number>;
  /** Of those: rows × labels. */
  probabilities: Float32Array;
}

/** Answers of the live version on examples that it was not trained on. */
export interface LiveAnswers {
  version: number;
  labels: string[];
  /** Indices of the examples that came after the live version. */
  rows: ArrayLike<number>;
  /** Of those: rows × labels. */
  probabilities: Float32Array;
}

export interface GateInput {
  /** The true label of every example. */
  truth: string[];
  candidate: Candidate;
  live?: LiveAnswers | undefined;
}

/** Below this many rows, log-loss says too little to refuse a user their first model for a narrow miss. */
export const ROWS_TO_JUDGE = 20;
/** Fewer examples than this since the live version, and the two are not compared. */
export const NEW_ROWS_TO_COMPARE = 10;

/**
 * Whether a candidate goes live. Log-loss decides, being what a head is fitted for and the harder to fool; accuracy may
 * not fall by more than its standard error.
 *
 * - Against always answering with the label frequencies (the majority class): it must be better. With fewer than
 *   ROWS_TO_JUDGE rows and nothing live it may be worse within one standard error of the difference, so that a few
 *   clicks give a model.
 * - Against the live version: better on the examples that came after it, if there are NEW_ROWS_TO_COMPARE of them.
 *
 * The candidate is always measured out of fold, the live version by predicting rows it never saw. Pure.
 */
export function decideGate({ truth, candidate, live }: GateInput): GateDecision {
  const candidateTruth = Array.from(candidate.rows, (row) => truth[row]);
  const own = judge(candidate.labels, candidate.probabilities, candidateTruth);
  const frequencies = labelFrequencies(truth, candidate.labels, candidateTruth.length);
  const majority = judge(candidate.labels, frequencies, candidateTruth);
  const compared = live && compareOnNewRows(truth, candidate, live);
  const decision = {
    candidate: own.metrics,
    majority: majority.metrics,
    live: compared
      ? { version: compared.version, candidate: compared.own.metrics, live: compared.live.metrics }
      : null,
  };

  const first = live === undefined;
  const lenient = first && candidateTruth.length < ROWS_TO_JUDGE;
  const lossGap = difference(own.losses, majority.losses);
  const hitGap = difference(own.hits, majority.hits);
  const losses = `log-loss ${show(own.metrics.logLoss)} against ${show(majority.metrics.logLoss)}`;
  const hits = `accuracy ${show(own.metrics.accuracy)} against ${show(majority.metrics.accuracy)}`;
  const beatsMajority = `On ${candidateTruth.length} held-out examples it beats the majority class: ${losses}, ${hits}.`;
  let reason = beatsMajority;
  if (!(lossGap.mean < 0) || hitGap.mean < -hitGap.error) {
    const numbers = `on ${candidateTruth.length} held-out examples: ${losses}, ${hits}`;
    if (!lenient || lossGap.mean > lossGap.error || hitGap.mean < -hitGap.error)
      return { ...decision, promoted: false, reason: `It does not beat the majority class ${numbers}.` };
    reason = `Too few examples to tell it from the majority class ${numbers}; as the first version it goes live.`;
  }
  if (live === undefined) return { ...decision, promoted: true, reason };
  if (compared === undefined) {
    const few = `Only ${live.rows.length} examples came after version ${live.version}, too few to compare the two (${NEW_ROWS_TO_COMPARE} are needed).`;
    return { ...decision, promoted: true, reason: `${reason} ${few}` };
  }

  const against = difference(compared.own.losses, compared.live.losses);
  const hitsAgainst = difference(compared.own.hits, compared.live.hits);
  const promoted = against.mean < 0 && hitsAgainst.mean >= -hitsAgainst.error;
  const where = `the ${compared.rows} examples that came after version ${live.version}`;
  const numbers = `log-loss ${show(compared.own.metrics.logLoss)} against ${show(compared.live.metrics.logLoss)}, accuracy ${show(compared.own.metrics.accuracy)} against ${show(compared.live.metrics.accuracy)}`;
  return {
    ...decision,
    promoted,
    reason: `${reason} On ${where} it ${promoted ? 'beats' : 'does not beat'} that version: ${numbers}.`,
  };
}

interface Judged {
  metrics: Metrics;
  /** −log p of the truth, by row. */
  losses: number[];
  /** 1 where the answer was right, by row. */
  hits: number[];
}

function judge(labels: string[], probabilities: Float32Array, truth: string[]): Judged {
  const classes = labels.length;
  const y = truth.map((label) => labels.indexOf(label));
  return {
    metrics: measure(probabilities, y, classes),
    losses: y.map((c, row) => rowLogLoss(probabilities, row, classes, c)),
    hits: y.map((c, row) => (bestClass(probabilities, row, classes) === c ? 1 : 0)),
  };
}

/** The shares of the labels among all examples, once for each of `rows`: what is known without reading an input. */
function labelFrequencies(truth: string[], labels: string[], rows: number): Float32Array {
  const counts = labels.map((label) => truth.filter((other) => other === label).length);
  return Float32Array.from(
    { length: rows * labels.length },
    (_, i) => counts[i % labels.length] / truth.length,
  );
}

/** Both on the same rows: new since the live version, and held out from the candidate. */
function compareOnNewRows(truth: string[], candidate: Candidate, live: LiveAnswers) {
  const heldOut = new Map(Array.from(candidate.rows, (row, at) => [row, at]));
  const shared = Array.from(live.rows, (row, at) => ({ row, at, held: heldOut.get(row) })).filter(
    (entry): entry is { row: number; at: number; held: number } => entry.held !== undefined,
  );
  if (shared.length < NEW_ROWS_TO_COMPARE) return undefined;
  const rowsOf = (probabilities: Float32Array, classes: number, rows: number[]) => {
    const out = new Float32Array(rows.length * classes);
    for (const [k, row] of rows.entries())
      out.set(probabilities.subarray(row * classes, (row + 1) * classes), k * classes);
    return out;
  };
  const newTruth = shared.map(({ row }) => truth[row]);
  const ownRows = rowsOf(
    candidate.probabilities,
    candidate.labels.length,
    shared.map(({ held }) => held),
  );
  const liveRows = rowsOf(
    live.probabilities,
    live.labels.length,
    shared.map(({ at }) => at),
  );
  return {
    version: live.version,
    rows: shared.length,
    own: judge(candidate.labels, ownRows, newTruth),
    live: judge(live.labels, liveRows, newTruth),
  };
}

/** The mean of a − b over paired rows, and that mean's standard error. */
function difference(a: number[], b: number[]): { mean: number; error: number } {
  const gaps = a.map((value, i) => value - b[i]);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const squares = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0);
  return { mean, error: Math.sqrt(squares / Math.max(1, gaps.length - 1) / gaps.length) };
}

function show(value: number): string {
  return value.toFixed(3);
}
