import type { Task } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { useRows } from '../../data/rows.js';
import { percent } from '../../format.js';
import { hrefOf } from '../../navigation.js';
import { ConfirmDialog } from '../../parts/confirm-dialog.js';
import { Empty, ErrorNote, Loading } from '../../parts/notice.js';
import { Panel } from '../../parts/panel.js';
import { ActionsHead, RowButton } from '../../parts/row-actions.js';
import type { Scope } from '../../scope.js';
import { may } from '../../session.js';
import { TaskEditor } from './task-editor.js';

const untrainedUsers: Record<Task['untrained'], string> = {
  error: 'are refused',
  'zero-shot': 'nearest label name',
  majority: 'most frequent label',
};

/** What is personalized, and by which policy. */
export function Tasks({ scope }: { scope: Scope }) {
  const [edits, setEdits] = useState<Task | 'new'>();
  const [deletes, setDeletes] = useState<Task>();
  const [changes, setChanges] = useState(0);
  const tasks = useRows<Task>({
    // A change begins the list anew: a refresh leaves the later pages, where it may stand, as they were.
    key: `tasks ${changes}`,
    load: (cursor, signal) => scope.client.tasks.list({ cursor, limit: 100 }, { signal }),
    idOf: ({ name }) => name,
    intervalMs: 10_000,
  });
  const list = tasks.rows;
  const changed = () => setChanges(changes + 1);
  return (
    <Panel
      title="Tasks"
      note="what is personalized, and by which policy"
      flush
      actions={
        may('admin') && (
          <button type="button" class="button button-small" onClick={() => setEdits('new')}>
            New task
          </button>
        )
      }
    >
      {tasks.error !== undefined && (
        <ErrorNote error={tasks.error} retry={tasks.refresh} stale={list !== undefined} />
      )}
      {!list && tasks.error === undefined && <Loading rows={3} what="tasks" />}
      {list?.length === 0 && (
        <Empty title="No tasks yet">
          <p>A task says what is personalized, such as which mails matter to someone.</p>
        </Empty>
      )}
      {list && list.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Labels</th>
              <th scope="col" class="from-medium">
                Untrained users
              </th>
              <th scope="col" class="number from-medium">
                Abstains below
              </th>
              <th scope="col" class="from-large">
                Retrains
              </th>
              <ActionsHead />
            </tr>
          </thead>
          <tbody>
            {list.map((task) => (
              <tr key={task.name}>
                <td>
                  <a href={hrefOf({ page: 'models', query: { task: [task.name] } })}>
                    <strong>{task.name}</strong>
                  </a>
                  <span class="quiet cell-under">
                    {task.kind}, {task.modality}
                  </span>
                </td>
                <td class="cell-labels">
                  {task.labels?.join(', ') ?? <span class="quiet">each user’s own</span>}
                </td>
                <td class="from-medium">{untrainedUsers[task.untrained]}</td>
                <td class="number from-medium">
                  {task.abstainBelow === 0 ? 'never' : percent(task.abstainBelow)}
                </td>
                <td class="from-large">{describeRetrain(task)}</td>
                <td class="number">
                  {may('admin') && (
                    <span class="row-actions">
                      <RowButton label={`Edit the task ${task.name}`} onClick={() => setEdits(task)}>
                        Edit
                      </RowButton>
                      <RowButton label={`Delete the task ${task.name}`} onClick={() => setDeletes(task)}>
                        Delete
                      </RowButton>
                    </span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {tasks.hasMore && (
        <button type="button" class="button more" onClick={tasks.loadMore}>
          Show more tasks
        </button>
      )}
      {edits && (
        <TaskEditor
          task={edits === 'new' ? undefined : edits}
          scope={scope}
          onDone={changed}
          onClose={() => setEdits(undefined)}
        />
      )}
      {deletes && (
        <ConfirmDialog
          title={`Delete the task ${deletes.name}?`}
          confirm="Delete task"
          danger
          typed={{ what: 'task’s name', text: deletes.name }}
          onConfirm={async () => {
            await scope.client.tasks.delete(deletes.name);
            changed();
          }}
          onClose={() => setDeletes(undefined)}
        >
          <p>Its users’ models answer no more requests.</p>
        </ConfirmDialog>
      )}
    </Panel>
  );
}

function describeRetrain({ retrain }: Task): string {
  const parts = [
    retrain?.afterExamples !== undefined && `after ${retrain.afterExamples} examples`,
    retrain?.nightly && 'nightly',
    retrain?.schedule !== undefined && `at ${retrain.schedule} UTC`,
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(', ') : 'when asked';
}
