/** Milliseconds a row takes, averaged over the latest batches: for telling a caller when to come back. */
export function createPace() {
  let perRow = 10;
  return {
    record(rows: number, ms: number) {
      perRow += 0.1 * (ms / rows - perRow);
    },
    seconds: (rows: number) => (rows * perRow) / 1000,
  };
}
