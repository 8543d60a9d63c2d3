import { isScionError, type Model } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { plural } from '../../format.js';
import { go, hrefOf } from '../../navigation.js';
import { ConfirmDialog } from '../../parts/confirm-dialog.js';
import { saveFile } from '../../parts/copyable.js';
import { describeError } from '../../parts/notice.js';
import type { Scope } from '../../scope.js';
import { may } from '../../session.js';

interface ModelActionsProps {
  model: Model;
  scope: Scope;
  onRollBack(version: number): void;
}

/** What can be done with a model as a whole. */
export function ModelActions({ model, scope, onRollBack }: ModelActionsProps) {
  const { task, user } = model;
  const [erases, setErases] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const before = model.history.find(({ version }) => version !== model.live?.version)?.version;
  const attempt = (work: () => Promise<void>) => () => {
    setProblem(undefined);
    work().catch(setProblem);
  };
  const train = async () => go({ page: 'jobs', job: (await scope.client.jobs.create({ task, user })).id });
  const exportExamples = async () => {
    const lines: string[] = [];
    for await (const example of scope.client.examples.export(task, user)) lines.push(JSON.stringify(example));
    saveFile(`${task} ${user}.ndjson`, 'application/x-ndjson', `${lines.join('\n')}\n`);
  };
  const exportUser = async () => {
    const archive = await scope.client.users.export(user);
    saveFile(`${user}.tar`, 'application/x-tar', await archive.blob());
  };
  return (
    <>
      {problem !== undefined && (
        <span class="action-problem" role="alert">
          {describeError(problem).title}.
        </span>
      )}
      <a class="button" href={hrefOf({ page: 'playground', query: { task: [task], user: [user] } })}>
        Try it
      </a>
      <a class="button" href={hrefOf({ page: 'jobs', query: { task: [task], user: [user] } })}>
        Its jobs
      </a>
      <button type="button" class="button" onClick={attempt(exportExamples)}>
        Export examples
      </button>
      {may('see') && (
        <button
          type="button"
          class="button"
          title="Examples, versions with their adapters, and jobs in all tasks, as one archive that another deployment can import"
          onClick={attempt(exportUser)}
        >
          Export user
        </button>
      )}
      {may('train') && model.live && before !== undefined && (
        <button type="button" class="button" onClick={() => onRollBack(before)}>
          Roll back to v{before}
        </button>
      )}
      {may('admin') && (
        <button type="button" class="button button-danger" onClick={() => setErases(true)}>
          Erase…
        </button>
      )}
      {may('train') && (
        <button type="button" class="button button-main" onClick={attempt(train)}>
          Train now
        </button>
      )}
      {erases && <Erase model={model} scope={scope} onClose={() => setErases(false)} />}
    </>
  );
}

/** To erase a user of many objects in a slow store. */
const eraseTimeoutMs = 15 * 60_000;

/** Erasure cannot be undone: the user's id has to be typed, and the receipt is saved, since it is stored nowhere. */
function Erase({ model, scope, onClose }: { model: Model; scope: Scope; onClose(): void }) {
  const { task, user } = model;
  const [everywhere, setEverywhere] = useState(false);
  const [isInDoubt, setInDoubt] = useState(false);
  const erase = async () => {
    setInDoubt(false);
    try {
      // Sent once: a repetition of one that ended finds no user, and has no receipt.
      return await scope.client.users.erase(user, {
        ...(!everywhere && { task }),
        timeoutMs: eraseTimeoutMs,
        maxRetries: 0,
      });
    } catch (error) {
      setInDoubt(mayHaveEnded(error));
      throw error;
    }
  };
  return (
    <ConfirmDialog
      title={`Erase ${user}?`}
      confirm="Erase for good"
      danger
      typed={{ what: 'user id', text: user }}
      onConfirm={async () => {
        const erasure = await erase();
        saveFile(
          `erasure ${erasure.receipt.id}.json`,
          'application/json',
          `${JSON.stringify(erasure, null, 2)}\n`,
        );
        go({ page: 'models' });
      }}
      onClose={onClose}
    >
      <p>
        {plural(model.examples, 'example')}, {plural(model.versions, 'version')}, jobs and every trace of them
        are removed from the store, the queue and the caches. Nobody can bring them back.
      </p>
      <div class="checks">
        <label>
          <input
            type="checkbox"
            checked={everywhere}
            onChange={(event) => setEverywhere(event.currentTarget.checked)}
          />
          In every task of this tenant, not in {task} alone
        </label>
      </div>
      <p class="quiet">A signed receipt is saved to your downloads; the service keeps no copy of it.</p>
      {isInDoubt && (
        <p role="alert">
          The user may be erased all the same, and only the answer lost: then <code>GET /v1/erasures</code>{' '}
          has the signed proof, which names no user; find it by its time.
        </p>
      )}
    </ConfirmDialog>
  );
}

/** Whether an erasure that gave no receipt may have ended: its answer was lost, or it came before this one. */
function mayHaveEnded(error: unknown): boolean {
  return isScionError(error) && (error.code === 'user_not_found' || (error.status ?? 500) >= 500);
}
