import type { Clock } from '@scion/contracts';

export type TestClock = Clock & {
  /** Moves the time forward by this many milliseconds. */
  advance(ms: number): void;
};

/** A clock that stands still until it is advanced. Starts at 2026-01-01T00:00:00Z unless told otherwise. */
export function createTestClock(startMs: number = Date.UTC(2026, 0, 1)): TestClock {
  let nowMs = startMs;
  return Object.assign(() => nowMs, {
    advance(ms: number) {
      if (!(ms >= 0)) throw new RangeError('a clock only moves forward');
      nowMs += ms;
    },
  });
}
