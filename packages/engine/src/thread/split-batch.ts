/**
 * Splits rows into runs. Rows of a run are padded to its longest, and each run costs a fixed amount besides, so the
 * best split is a trade-off, found exactly: sorted by length, the runs are contiguous, and the cheapest way to cover
 * the first j rows extends the cheapest way to cover some i < j of them.
 */

/** A run's fixed cost, in tokens: some 2 ms on MiniLM with one thread, where a token costs 0.15 to 0.25 ms. */
export const RUN_COST_TOKENS = 12;

/**
 * @param lengths tokens of each row
 * @param maxTokens rows × longest of a run is at most this, but for a single row that is longer by itself
 * @returns runs of row indices, shortest rows first
 */
export function splitBatch(lengths: number[], maxTokens: number): number[][] {
  const order = lengths.map((_, row) => row).sort((a, b) => lengths[a] - lengths[b] || a - b);
  const count = order.length;
  const cost = new Float64Array(count + 1);
  const from = new Int32Array(count + 1);
  for (let to = 1; to <= count; to += 1) {
    const longest = lengths[order[to - 1]];
    cost[to] = Number.POSITIVE_INFINITY;
    for (let start = to - 1; start >= 0; start -= 1) {
      const padded = (to - start) * longest;
      if (padded > maxTokens && to - start > 1) break;
      const total = cost[start] + RUN_COST_TOKENS + padded;
      if (total < cost[to]) {
        cost[to] = total;
        from[to] = start;
      }
    }
  }
  const runs: number[][] = [];
  for (let to = count; to > 0; to = from[to]) runs.push(order.slice(from[to], to));
  return runs.reverse();
}
