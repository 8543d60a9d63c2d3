import type { TaskKind } from '@scion/contracts';

/** What rows ought to be answered with, as numbers. */
export interface Targets {
  kind: TaskKind;
  /** Columns: one a label; of a regression one. */
  outputs: number;
  /** rows × outputs: 1 for each label that a row has, else 0; of a regression its value. */
  values: Float32Array;
}

/** Bins that a regression's values are dealt by. */
const BINS = 5;

export function selectTargets({ kind, outputs, values }: Targets, rows: ArrayLike<number>): Targets {
  const out = new Float32Array(rows.length * outputs);
  for (let i = 0; i < rows.length; i += 1)
    out.set(values.subarray(rows[i] * outputs, (rows[i] + 1) * outputs), i * outputs);
  return { kind, outputs, values: out };
}

/**
 * The class that each row is dealt by when folds are made: its label; of several labels the rarest, so that no fold lacks
 * it; of a value its quantile.
 */
export function strataOf({ kind, outputs, values }: Targets): { strata: Int32Array; count: number } {
  const rows = values.length / outputs;
  if (kind === 'regression') {
    const order = Array.from(values.keys()).sort((a, b) => values[a] - values[b] || a - b);
    const strata = new Int32Array(rows);
    for (const [rank, row] of order.entries()) strata[row] = Math.floor((rank * BINS) / rows);
    return { strata, count: BINS };
  }
  const frequency = new Int32Array(outputs);
  for (let at = 0; at < values.length; at += 1) frequency[at % outputs] += values[at] > 0 ? 1 : 0;
  const strata = new Int32Array(rows).fill(outputs);
  for (let row = 0; row < rows; row += 1)
    for (let c = 0; c < outputs; c += 1)
      if (values[row * outputs + c] > 0 && (strata[row] === outputs || frequency[c] < frequency[strata[row]]))
        strata[row] = c;
  return { strata, count: kind === 'multilabel' ? outputs + 1 : outputs };
}

/** The index of the largest of a row's values, the first where several are. */
export function largestOf(values: ArrayLike<number>, row: number, outputs: number): number {
  let best = 0;
  for (let c = 1; c < outputs; c += 1) if (values[row * outputs + c] > values[row * outputs + best]) best = c;
  return best;
}
