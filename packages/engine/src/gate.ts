import type { Answer, GateDecision, Metrics, TaskKind } from '@scion/contracts';
import { isRight, lossOf, measure } from './head/metrics.js';
import { selectTargets, type Targets } from './head/targets.js';
import { targetsOf } from './targets-of.js';

/** What a model says of some of the examples. */
export interface Answers {
  /** Of a regression none. */
  labels: string[];
  /** Which of the examples, as indices. */
  rows: ArrayLike<number>;
  /** Of those: rows × labels, or values. */
  predictions: Float32Array;
}

/** Answers of the live version on examples that it was not trained on: those that came after it. */
export interface LiveAnswers extends Answers {
  version: number;
}

export interface GateInput {
  kind: TaskKind;
  /** What is true of every example. */
  truth: Answer[];
  /** Out of fold: what models fitted without a row say of it. */
  candidate: Answers;
  live?: LiveAnswers | undefined;
  /** What the head alone, cross-validated on the same folds, says of the same rows. */
  head?: Answers | undefined;
}

/** Below this many rows, the loss says too little to refuse a user their first model for a narrow miss. */
export const ROWS_TO_JUDGE = 20;
/** Fewer held-out examples than this since the live version, and the two are not compared. */
export const NEW_ROWS_TO_COMPARE = 10;

/**
 * Whether a candidate goes live. Its loss decides, being what it is fitted for and the harder to fool (log-loss, or the
 * squared error of a regression); accuracy may not fall by more than its standard error.
 *
 * - Against the head alone, for a candidate with adapters: a lower loss, or more right answers. One of the two is enough: the folds'
 *   adapters learnt from fewer rows than the candidate's, which costs adapters more than it costs a head.
 * - Against what is known of the same rows without reading an input, the label frequencies (the majority class) or the mean
 *   value: better.
 *   With fewer than ROWS_TO_JUDGE rows and nothing live it may be worse within one standard error of the difference, so that
 *   a few clicks give a model.
 * - Against the live version: better on the held-out examples that came after it, if there are NEW_ROWS_TO_COMPARE of them.
 *
 * The candidate is always measured out of fold, the live version by predicting rows it never saw. Pure.
 */
export function decideGate({ kind, truth, candidate, live, head }: GateInput): GateDecision {
  const labels = unionOf(kind, truth, [candidate, ...(live ? [live] : []), ...(head ? [head] : [])]);
  const targets = targetsOf(kind, truth, labels);
  const judged = (answers: Answers, rows: ArrayLike<number> = answers.rows) =>
    judge(widened(answers, labels, rows), targets, rows);

  const { rows } = candidate;
  const own = judged(candidate);
  const majority = judge(constantAnswers(targets, rows), targets, rows);
  const alone = head && { own: judged(candidate, head.rows), head: judged(head) };
  const newRows = live ? newSince(live, candidate) : [];
  const compared = live &&
    newRows.length >= NEW_ROWS_TO_COMPARE && {
      version: live.version,
      own: judged(candidate, newRows),
      live: judged(live, newRows),
    };
  const decision = {
    candidate: own.metrics,
    majority: majority.metrics,
    head: alone ? { candidate: alone.own.metrics, head: alone.head.metrics } : null,
    live: compared
      ? { version: compared.version, candidate: compared.own.metrics, live: compared.live.metrics }
      : null,
  };

  const reasons: string[] = [];
  if (alone) {
    const wins = beatsHead(alone.own, alone.head);
    const numbers = versus(alone.own.metrics, alone.head.metrics);
    reasons.push(
      `Cross-validated on the same ${alone.head.metrics.rows} examples, the adapters ${wins ? 'beat' : 'do not beat'} the head alone: ${numbers}.`,
    );
    if (!wins) return { ...decision, promoted: false, reason: reasons.join(' ') };
  }

  const lossGap = difference(own.losses, majority.losses);
  const hitGap = difference(own.hits, majority.hits);
  const numbers = versus(own.metrics, majority.metrics);
  const rival = kind === 'regression' ? 'the mean value' : 'the majority class';
  if (!(lossGap.mean < 0) || hitGap.mean < -hitGap.error) {
    const lenient = live === undefined && rows.length < ROWS_TO_JUDGE;
    const where = `${rival} on ${rows.length} held-out examples: ${numbers}`;
    if (!lenient || lossGap.mean > lossGap.error || hitGap.mean < -hitGap.error)
      return { ...decision, promoted: false, reason: [...reasons, `It does not beat ${where}.`].join(' ') };
    reasons.push(`Too few examples to tell it from ${where}; as the first version it goes live.`);
  } else {
    reasons.push(`On ${rows.length} held-out examples it beats ${rival}: ${numbers}.`);
  }
  if (live === undefined) return { ...decision, promoted: true, reason: reasons.join(' ') };
  if (!compared) {
    reasons.push(
      `Only ${newRows.length} held-out examples came after version ${live.version}, too few to compare the two (${NEW_ROWS_TO_COMPARE} are needed).`,
    );
    return { ...decision, promoted: true, reason: reasons.join(' ') };
  }

  const against = difference(compared.own.losses, compared.live.losses);
  const hitsAgainst = difference(compared.own.hits, compared.live.hits);
  const promoted = against.mean < 0 && hitsAgainst.mean >= -hitsAgainst.error;
  reasons.push(
    `On the ${newRows.length} examples that came after version ${live.version} it ${promoted ? 'beats' : 'does not beat'} that version: ${versus(compared.own.metrics, compared.live.metrics)}.`,
  );
  return { ...decision, promoted, reason: reasons.join(' ') };
}

interface Judged {
  metrics: Metrics;
  /** By row. */
  losses: number[];
  /** 1 where the answer was right, by row; of a regression 0 everywhere. */
  hits: number[];
}

function judge(predictions: Float32Array, targets: Targets, rows: ArrayLike<number>): Judged {
  return {
    metrics: measure(predictions, targets, rows),
    losses: Array.from(rows, (row, at) => lossOf(predictions, at, targets, row)),
    hits: Array.from(rows, (row, at) => (isRight(predictions, at, targets, row) ? 1 : 0)),
  };
}

function beatsHead(own: Judged, head: Judged): boolean {
  return difference(own.losses, head.losses).mean < 0 || difference(own.hits, head.hits).mean > 0;
}

/** Every label that anyone names, in order: what a model does not know it gives no probability. */
function unionOf(kind: TaskKind, truth: Answer[], answers: Answers[]): string[] {
  if (kind === 'regression') return [];
  const named = truth.flatMap((answer) => (typeof answer === 'number' ? [] : answer));
  return [...new Set([...answers.flatMap(({ labels }) => labels), ...named])].sort();
}

/** Predictions of the given rows, a column for each of `labels`. */
function widened(
  { labels: own, rows: has, predictions }: Answers,
  labels: string[],
  rows: ArrayLike<number>,
) {
  const columns = Math.max(1, labels.length);
  const ownColumns = Math.max(1, own.length);
  const place = new Map(Array.from(has, (row, at) => [row, at]));
  const out = new Float32Array(rows.length * columns);
  const column = own.map((label) => labels.indexOf(label));
  for (let at = 0; at < rows.length; at += 1) {
    const from = place.get(rows[at])! * ownColumns;
    for (let c = 0; c < ownColumns; c += 1) out[at * columns + (column[c] ?? 0)] = predictions[from + c];
  }
  return out;
}

/**
 * The shares of the labels among the rows, or their mean value, once for each: the best that one answer to all of them can be.
 * Those of other examples would be a weaker rival, and none at all where the rows are of one label.
 */
function constantAnswers(targets: Targets, rows: ArrayLike<number>): Float32Array {
  const { outputs, values } = selectTargets(targets, rows);
  const means = new Float64Array(outputs);
  for (const [at, value] of values.entries()) means[at % outputs] += value / rows.length;
  return Float32Array.from({ length: rows.length * outputs }, (_, i) => means[i % outputs]);
}

/** The rows that neither was trained on: new since the live version, and held out from the candidate. */
function newSince(live: LiveAnswers, candidate: Answers): number[] {
  const heldOut = new Set(Array.from(candidate.rows));
  return Array.from(live.rows).filter((row) => heldOut.has(row));
}

/** The mean of a − b over paired rows, and that mean's standard error. */
function difference(a: number[], b: number[]): { mean: number; error: number } {
  const gaps = a.map((value, i) => value - b[i]);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const squares = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0);
  return { mean, error: Math.sqrt(squares / Math.max(1, gaps.length - 1) / gaps.length) };
}

/** The two by the numbers that decide. */
function versus(own: Metrics, other: Metrics): string {
  const pair = (name: string, a = 0, b = 0) => `${name} ${a.toFixed(3)} against ${b.toFixed(3)}`;
  return own.rmse === undefined
    ? `${pair('log-loss', own.logLoss, other.logLoss)}, ${pair('accuracy', own.accuracy, other.accuracy)}`
    : `${pair('root mean squared error', own.rmse, other.rmse)}, ${pair('R²', own.r2, other.r2)}`;
}
