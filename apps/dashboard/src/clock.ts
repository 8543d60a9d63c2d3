import { signal } from '@preact/signals';

/** The page's now, in milliseconds since the epoch: one tick a second keeps every age and duration in step. */
export const now = signal(Date.now());

setInterval(() => {
  if (document.visibilityState === 'visible') now.value = Date.now();
}, 1000);
