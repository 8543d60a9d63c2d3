/**
 * Which fits share a run. Stacking saves what a run costs besides its rows (launching some 400 operators, reading the
 * weights), so it pays for small batches and costs padding where batches differ: see `STACK_TOKENS`.
 */

/**
 * Rows × tokens that stacking fills a run up to. Measured with `node test/bench/train.mjs --stacking` on MiniLM's top two
 * layers: two batches of 32 tokens take 0.66 of the time of one after the other, four 0.48; two of 128 tokens 0.88, and
 * four of those no less than alone.
 */
export const STACK_TOKENS = 256;
/** Padding that a stack may hold, as a share of it: beyond, running apart is cheaper. */
const MAX_PADDING = 0.3;

/** A fit that waits for its next steps. */
export interface Waiting {
  /** Fits stack only with others of the same graph. */
  graph: string;
  /** Of its next batch. */
  rows: number;
  tokens: number;
  /** Rows × tokens that are left of it in all. */
  remaining: number;
}

/**
 * The fits of the next run: the one with most left to do, so that those of one job end together, and what may share its
 * run. Idle threads are filled first: stacking two fits that could run side by side would halve the speed.
 * @param idle threads without work, 1 or more
 */
export function chooseStack<T extends Waiting>(waiting: readonly T[], idle: number): T[] {
  const [first, ...others] = [...waiting].sort((a, b) => b.remaining - a.remaining);
  if (first === undefined) return [];
  const stack = [first];
  const most = Math.ceil(waiting.length / idle);
  for (const fit of others) {
    if (stack.length >= most) break;
    const next = [...stack, fit];
    const rows = Math.max(...next.map((one) => one.rows));
    const tokens = Math.max(...next.map((one) => one.tokens));
    const padded = next.length * rows * tokens;
    const filled = next.reduce((sum, one) => sum + one.rows * one.tokens, 0);
    if (fit.graph === first.graph && padded <= STACK_TOKENS && filled >= (1 - MAX_PADDING) * padded)
      stack.push(fit);
  }
  return stack;
}
