import { isScionError } from '@scion/sdk';
import type { ComponentChildren } from 'preact';
import { reach } from '../session.js';

/** What a person reads about a failure: what happened and what to do, never a stack. */
export function describeError(error: unknown): { title: string; detail: string; request?: string } {
  if (isScionError(error)) {
    return {
      title: error.title,
      detail: error.detail,
      ...(error.requestId !== undefined && { request: error.requestId }),
    };
  }
  return {
    title: 'Something went wrong in this page',
    detail: 'Reload it; if it stays, report what you did.',
  };
}

/** Whether the page says this once for all of its sections: the service as a whole is out of reach. */
function isSaidOnce(error: unknown): boolean {
  return reach.value === 'lost' && (isScionError(error, 'network_error') || isScionError(error, 'timeout'));
}

/** A failure, with a way to try again. `stale`: there is still older data to look at. */
export function ErrorNote({
  error,
  retry,
  stale = false,
}: {
  error: unknown;
  retry?: () => void;
  stale?: boolean;
}) {
  if (stale && isSaidOnce(error)) return null;
  const { title, detail, request } = describeError(error);
  return (
    <div class={stale ? 'note note-stale' : 'note note-error'} role="alert">
      <p>
        <strong>{title}.</strong> {detail}
        {stale && ' What you see is the last answer.'}
        {request && (
          <>
            {' '}
            <span class="quiet">Request {request}</span>
          </>
        )}
      </p>
      {retry && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Nothing there yet, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** Room for rows to come, so that nothing jumps when they do. */
export function Loading({ rows, what }: { rows: number; what: string }) {
  return (
    <div class="loading" role="status" aria-label={`Loading ${what}`}>
      {Array.from({ length: rows }, (_, row) => (
        <span key={row} class="loading-row" />
      ))}
    </div>
  );
}
