import { now } from '../clock.js';
import { ago, exactTime, localTime } from '../format.js';

/** A moment in local time; hovering tells it exactly, in both zones. */
export function Time({ at, as = 'time' }: { at: string; as?: 'time' | 'ago' }) {
  return (
    <time dateTime={at} title={exactTime(at)}>
      {as === 'ago' ? ago(at, now.value) : localTime(at, now.value)}
    </time>
  );
}
