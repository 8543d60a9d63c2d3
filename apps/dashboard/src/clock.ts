import { signal } from '@preact/signals';

/** How far the service's clock is ahead of the browser's, in milliseconds. */
let aheadMs = 0;

/** The time by the clock that everything the service tells is dated by: a browser's own may be minutes off. */
export const serviceTime = (): number => Date.now() + aheadMs;

/** The page's now, in milliseconds since the epoch: one tick a second keeps every age and duration in step. */
export const now = signal(serviceTime());

setInterval(() => {
  if (document.visibilityState === 'visible') now.value = serviceTime();
}, 1000);

/** Takes the `Date` of an answer. It is cut to the second and was on its way, so a small difference says nothing. */
export function learnServiceTime(date: string | null): void {
  const ahead = Date.parse(date ?? '') - Date.now();
  if (!(Math.abs(ahead - aheadMs) > 3_000)) return;
  aheadMs = ahead;
  now.value = serviceTime();
}
