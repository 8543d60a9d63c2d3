/** Milliseconds a token takes on one thread, averaged over the latest runs. */
export function createPace() {
  let perToken = 0.3;
  return {
    /** @param tokens weighted: those that only pass the top count for less */
    record(tokens: number, ms: number) {
      perToken += 0.1 * (ms / Math.max(1, tokens) - perToken);
    },
    ms: (tokens: number) => tokens * perToken,
  };
}
