/** Milliseconds since the epoch. Passed in wherever time matters, so that tests advance it instead of sleeping. */
export type Clock = () => number;

/** RFC 3339 in UTC with milliseconds, the only form in which Scion stores or returns a moment. */
export function timestamp(clock: Clock): string {
  return new Date(clock()).toISOString();
}

/** Milliseconds of a day of UTC, which has no leap seconds here as in POSIX time. */
export const dayMs = 86_400_000;

/** The day of UTC in which an instant lies, as RFC 3339's full-date. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
