import type { Answer, Metrics, TaskKind } from '@scion/contracts';

/** What a model says of one row. */
export interface Judged {
  truth: Answer;
  answer: Answer | null;
  /** By label; of a regression empty. */
  probabilities: Readonly<Record<string, number>>;
}

/** The least probability that a log-loss counts, as the service's own measure. */
const probabilityFloor = 1e-6;

/** Accuracy, macro-F1 and log-loss; of a regression R², mean absolute error and root mean squared error. */
export function measure(kind: TaskKind, rows: readonly Judged[]): Metrics {
  if (rows.length === 0) return { rows: 0 };
  if (kind === 'regression') return measureValues(rows);
  const labels = new Set(rows.flatMap(({ truth, answer }) => [...labelsOf(truth), ...labelsOf(answer)]));
  let right = 0;
  let loss = 0;
  for (const { truth, answer, probabilities } of rows) {
    const has = new Set(labelsOf(truth));
    const said = new Set(labelsOf(answer));
    if (has.size === said.size && [...has].every((label) => said.has(label))) right += 1;
    if (kind === 'classification') loss += nats(probabilities[labelsOf(truth)[0]!] ?? 0);
    else {
      const named = Object.entries(probabilities);
      for (const [label, p] of named) loss += nats(has.has(label) ? p : 1 - p) / named.length;
    }
  }
  const f1 = [...labels].map((label) => {
    const of = (pick: (row: Judged) => Answer | null) =>
      rows.filter((row) => labelsOf(pick(row)).includes(label));
    const truths = of(({ truth }) => truth);
    const both = truths.filter(({ answer }) => labelsOf(answer).includes(label)).length;
    return (2 * both) / (truths.length + of(({ answer }) => answer).length);
  });
  return {
    accuracy: right / rows.length,
    macroF1: f1.length === 0 ? 0 : f1.reduce((a, b) => a + b) / f1.length,
    logLoss: loss / rows.length,
    rows: rows.length,
  };
}

function measureValues(rows: readonly Judged[]): Metrics {
  const truths = rows.map(({ truth }) => Number(truth));
  const errors = rows.map(({ answer }, at) => Number(answer) - truths[at]!);
  const mean = truths.reduce((a, b) => a + b) / rows.length;
  const squared = errors.reduce((sum, error) => sum + error * error, 0);
  const variance = truths.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    // As scikit-learn: constant values that are met exactly are explained, others not at all.
    r2: variance === 0 ? (squared === 0 ? 1 : 0) : 1 - squared / variance,
    mae: errors.reduce((sum, error) => sum + Math.abs(error), 0) / rows.length,
    rmse: Math.sqrt(squared / rows.length),
    rows: rows.length,
  };
}

const nats = (probability: number): number => -Math.log(Math.max(probabilityFloor, probability));

function labelsOf(answer: Answer | null): string[] {
  return answer === null || typeof answer === 'number' ? [] : [answer].flat();
}
