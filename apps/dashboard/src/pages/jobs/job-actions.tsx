import type { Job } from '@scion/sdk';
import { isFinished } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { go, hrefOf } from '../../navigation.js';
import { ConfirmDialog } from '../../parts/confirm-dialog.js';
import { describeError } from '../../parts/notice.js';
import type { Scope } from '../../scope.js';
import { may } from '../../session.js';

interface JobActionsProps {
  job: Job;
  scope: Scope;
  onChange(): void;
}

/** What can be done about a job in its present state. */
export function JobActions({ job, scope, onChange }: JobActionsProps) {
  const [asksToCancel, setAsksToCancel] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  if (!may('train')) return null;
  const { jobs } = scope.client;
  const act = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setError(undefined);
    try {
      await work();
      onChange();
    } catch (reason) {
      setError(reason);
    }
    setBusy(false);
  };
  const startAnother = async () => {
    const made = await jobs.create({ task: job.task, user: job.user });
    go({ page: 'jobs', job: made.id });
  };
  const retry = async () => go({ page: 'jobs', job: (await jobs.retry(job.id)).id });
  return (
    <>
      {error !== undefined && (
        <span class="action-problem" role="alert">
          {describeError(error).title}.
        </span>
      )}
      {(job.state === 'queued' || job.state === 'running') && (
        <button type="button" class="button" disabled={busy} onClick={() => act(() => jobs.pause(job.id))}>
          Pause
        </button>
      )}
      {job.state === 'paused' && (
        <button
          type="button"
          class="button button-main"
          disabled={busy}
          onClick={() => act(() => jobs.resume(job.id))}
        >
          Resume
        </button>
      )}
      {!isFinished(job.state) && (
        <button type="button" class="button" disabled={busy} onClick={() => setAsksToCancel(true)}>
          Cancel
        </button>
      )}
      {job.state === 'failed' && (
        <button type="button" class="button button-main" disabled={busy} onClick={() => act(retry)}>
          Retry
        </button>
      )}
      {isFinished(job.state) && (
        <>
          {job.state !== 'failed' && (
            <button type="button" class="button" disabled={busy} onClick={() => act(startAnother)}>
              Train again
            </button>
          )}
          <a
            class="button"
            href={hrefOf({ page: 'playground', query: { task: [job.task], user: [job.user] } })}
          >
            Try the model
          </a>
        </>
      )}
      {asksToCancel && (
        <ConfirmDialog
          title="Cancel this job?"
          confirm="Cancel job"
          onConfirm={async () => {
            await jobs.cancel(job.id);
            onChange();
          }}
          onClose={() => setAsksToCancel(false)}
        >
          <p>
            It stops at its next step and publishes nothing. The model of {job.user} stays as it is; a new job
            can be asked for at any time.
          </p>
        </ConfirmDialog>
      )}
    </>
  );
}
