import { reach } from '../session.js';

/** Said once for the whole page, instead of in each of its parts. */
export function Reach() {
  if (reach.value !== 'lost') return null;
  return (
    <div class="note note-stale" role="alert">
      <p>
        <strong>The service does not answer.</strong> What you see is its last answer; the page goes on
        asking.
      </p>
    </div>
  );
}
