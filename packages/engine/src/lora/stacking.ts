/**
 * Which fits share a run. Stacking saves what a run costs besides its rows (launching some 400 operators, reading the
 * weights), so it pays for small batches: see `STACK_TOKENS`.
 */

/**
 * Rows × tokens that stacking fills a run up to. Measured with `node test/bench/train.mjs --stacking` on MiniLM's top two
 * layers: two batches of 32 tokens take 0.66 to 0.88 of the time of one after the other, as the machine's hour is; two of 128
 * tokens 0.88 to 0.96, and four of those no less than alone.
 */
export const STACK_TOKENS = 256;

/** A fit that waits for its next steps. */
export interface Waiting {
  /** Fits stack only with others of the same graph and as many labels. */
  graph: string;
  /** Of its next batch, padded. */
  rows: number;
  tokens: number;
  /** Rows × tokens that are left of it in all. */
  remaining: number;
}

/** Batches that may be stacked are padded to a multiple of this many tokens, so that many are of one shape. */
const TOKEN_STEP = 8;

/** How many tokens the rows of a batch are padded to: a function of the batch alone. */
export function paddedTokens(rows: number, longest: number): number {
  const stepped = Math.ceil(longest / TOKEN_STEP) * TOKEN_STEP;
  return 2 * rows * stepped <= STACK_TOKENS ? stepped : longest;
}

/**
 * The fits of the next run: the one with most left to do, so that those of one job end together, and what may share its
 * run. Idle threads are filled first: stacking two fits that could run side by side would halve the speed.
 *
 * Only batches of one shape are stacked. Others would have to be padded, and sums over more rows or tokens are taken in
 * another order: whoever trained beside others would get other last digits than alone. Of one shape, nobody does.
 * @param idle threads without work, 1 or more
 */
export function chooseStack<T extends Waiting>(waiting: readonly T[], idle: number): T[] {
  const [first, ...others] = [...waiting].sort((a, b) => b.remaining - a.remaining);
  if (first === undefined) return [];
  const stack = [first];
  const most = Math.ceil(waiting.length / idle);
  for (const fit of others) {
    if (stack.length >= most) break;
    const isAlike = fit.graph === first.graph && fit.rows === first.rows && fit.tokens === first.tokens;
    if (isAlike && (stack.length + 1) * first.rows * first.tokens <= STACK_TOKENS) stack.push(fit);
  }
  return stack;
}
