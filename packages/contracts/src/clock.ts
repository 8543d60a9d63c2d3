/** Milliseconds since the epoch. Passed in wherever time matters, so that tests advance it instead of sleeping. */
export type Clock = () => number;

/** RFC 3339 in UTC with milliseconds, the only form in which Scion stores or returns a moment. */
export function timestamp(clock: Clock): string {
  return new Date(clock()).toISOString();
}
