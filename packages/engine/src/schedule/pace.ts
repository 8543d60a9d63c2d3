import { RUN_COST_TOKENS } from '../thread/split-batch.js';

/**
 * Milliseconds a token takes on one thread, averaged over the latest runs. A run's fixed cost is left out: of short runs
 * it is most, and what waits goes in long ones.
 */
export function createPace() {
  let perToken = 0.3;
  return {
    /** @param tokens weighted: those that only pass the top count for less */
    record(tokens: number, ms: number) {
      perToken += 0.1 * (ms / (tokens + RUN_COST_TOKENS) - perToken);
    },
    ms: (tokens: number) => tokens * perToken,
  };
}
