/** Whether waiting for further rows is worth it. */
export interface Company {
  /** A call arrived. */
  arrived(): void;
  /**
   * Whether rows that arrived at that time should wait for others, though a thread is idle. `release` is called when that
   * may have changed.
   */
  expected(arrivedAt: number): boolean;
}

/** Longer gaps count as this: one pause must not make a busy hour look idle. */
const LONGEST_GAP = 10;

/**
 * Rows wait at most for the window, and only while calls come so close together, by a moving mean, that another is
 * likely within it. A lone caller never waits.
 */
export function createCompany({
  windowMs,
  now,
  after,
  release,
}: {
  windowMs: number;
  now(): number;
  after(ms: number, callback: () => void): void;
  release(): void;
}): Company {
  let gap = LONGEST_GAP * windowMs;
  let last = Number.NEGATIVE_INFINITY;
  let timed = false;
  /** Rows older than this have waited: a timer may fire a little early. */
  let waited = Number.NEGATIVE_INFINITY;
  return {
    arrived() {
      const time = now();
      gap += 0.2 * (Math.min(LONGEST_GAP * windowMs, time - last) - gap);
      last = time;
    },
    expected(arrivedAt) {
      const left = arrivedAt + windowMs - now();
      if (gap > windowMs / 2 || left <= 0 || arrivedAt <= waited) return false;
      if (!timed) {
        timed = true;
        after(left, () => {
          timed = false;
          waited = arrivedAt;
          release();
        });
      }
      return true;
    },
  };
}
