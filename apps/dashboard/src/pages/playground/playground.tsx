import '../../styles/playground.css';
import { isScionError, type ModelSummary, type Page, type Task } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { useLive } from '../../data/live.js';
import { hrefOf, parameter, route, setParameters } from '../../navigation.js';
import { Empty, ErrorNote, Loading } from '../../parts/notice.js';
import { PageHead } from '../../parts/page-head.js';
import type { Scope } from '../../scope.js';
import { may } from '../../session.js';
import type { TenantPageProps } from '../pages.js';
import { Answer } from './answer.js';
import { useAnswers } from './use-answers.js';

/** How many users answer before anyone is chosen, and how many fit side by side. */
const usersAtFirst = 3;
const mostUsers = 12;
const tasksEveryMs = 15_000;

/** Ask several users' models the same, correct one, and see it learn. The text stays out of the address. */
export function PlaygroundPage({ scope }: TenantPageProps) {
  const tasks = useLive<Page<Task>>(
    'tasks',
    (signal) => scope.client.tasks.list({}, { signal }),
    tasksEveryMs,
  );
  const first = tasks.data?.data;
  // A task that the address names may stand behind the first of many. Never is another one shown in its place: what is
  // taught is stored.
  const named = parameter('task');
  const apart = first && !first.some(({ name }) => name === named) ? named : undefined;
  const other = useLive<Task | undefined>(
    `task ${apart}`,
    async (signal) => (apart === undefined ? undefined : scope.client.tasks.get(apart, { signal })),
    tasksEveryMs,
  );
  const isGone = isScionError(other.error, 'task_not_found');
  const list = first && other.data && !isGone ? [...first, other.data] : first;
  const task = named === undefined ? list?.[0] : list?.find(({ name }) => name === named);
  const failed = tasks.error === undefined ? other : tasks;
  return (
    <>
      <PageHead title="Playground" about="One text, several users’ models, side by side." />
      {list && task ? (
        may('predict') ? (
          <Bench key={task.name} scope={scope} task={task} tasks={list} />
        ) : (
          <Empty title="This key may not ask">
            <p>Predictions need a key with the scope predict.</p>
          </Empty>
        )
      ) : isGone ? (
        <Empty title={`No task ${named}`}>
          <p>
            It may have been deleted. <a href={hrefOf({ page: 'playground' })}>Ask another one</a>.
          </p>
        </Empty>
      ) : failed.error !== undefined ? (
        <ErrorNote error={failed.error} retry={failed.refresh} />
      ) : list && named === undefined ? (
        <Empty title="No tasks yet">
          <p>A task says what is personalized, such as which mails matter to someone.</p>
        </Empty>
      ) : (
        <Loading rows={4} what="the playground" />
      )}
    </>
  );
}

function Bench({ scope, task, tasks }: { scope: Scope; task: Task; tasks: Task[] }) {
  const [text, setText] = useState('');
  const models = useLive<Page<ModelSummary>>(
    `users ${task.name}`,
    (signal) => scope.client.models.list({ task: task.name, limit: 40 }, { signal }),
    10_000,
  );
  const listed = models.data?.data.map(({ user }) => user) ?? [];
  const wanted = parameter('task') === task.name ? route.value.query?.user : undefined;
  const users = (wanted ?? listed.slice(0, usersAtFirst)).slice(0, mostUsers);
  const asked = text.trim();
  const { answers, error, askAgain } = useAnswers(scope, task.name, users, asked);
  const choose = (next: string[]) => setParameters({ task: task.name, user: next });
  return (
    <>
      <div class="ask">
        <label class="field">
          <span class="quiet">Task</span>
          <select
            value={task.name}
            onChange={(event) => setParameters({ task: event.currentTarget.value, user: [] })}
          >
            {tasks.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label class="ask-text">
          <span class="hidden-text">Text to classify</span>
          <textarea
            rows={3}
            maxLength={20_000}
            value={text}
            placeholder="Type or paste a text; the answers follow as you type."
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        {models.error !== undefined && (
          <ErrorNote error={models.error} retry={models.refresh} stale={models.data !== undefined} />
        )}
        <Users listed={listed} users={users} onChoose={choose} />
      </div>
      {models.data && users.length === 0 && (
        <Empty title="Nobody to ask">
          <p>{listed.length === 0 ? 'No user of this task has a model yet.' : 'Choose at least one user.'}</p>
        </Empty>
      )}
      {error !== undefined && <ErrorNote error={error} retry={askAgain} stale={answers !== undefined} />}
      <div class="answers">
        {users.map((user) => (
          <Answer
            key={user}
            scope={scope}
            task={task}
            user={user}
            text={asked}
            answered={answers?.byUser.get(user)}
            busy={asked !== '' && answers?.text !== asked}
            onLearnt={askAgain}
          />
        ))}
      </div>
    </>
  );
}

interface UsersProps {
  listed: string[];
  users: string[];
  onChoose(users: string[]): void;
}

/** Whose models answer: of the first ones listed, or anybody by the whole id. */
function Users({ listed, users, onChoose }: UsersProps) {
  // A deep link may name a user beyond the first page of models.
  const offered = [...new Set([...listed, ...users])];
  const add = (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const user = String(new FormData(form).get('user') ?? '').trim();
    if (user !== '') onChoose([...new Set([...users, user])]);
    form.reset();
  };
  return (
    <div class="ask-users">
      {offered.length > 0 && (
        <fieldset class="chips">
          <legend>Users</legend>
          {offered.map((user) => (
            <label key={user} class="chip">
              <input
                type="checkbox"
                checked={users.includes(user)}
                disabled={!users.includes(user) && users.length >= mostUsers}
                onChange={() =>
                  onChoose(users.includes(user) ? users.filter((one) => one !== user) : [...users, user])
                }
              />
              <span>{user}</span>
            </label>
          ))}
        </fieldset>
      )}
      <form class="field" onSubmit={add}>
        <label>
          <span class="hidden-text">Another user’s id</span>
          <input class="input-small" name="user" placeholder="Another user’s id" autocomplete="off" />
        </label>
        <button type="submit" class="button button-small" disabled={users.length >= mostUsers}>
          Add
        </button>
      </form>
    </div>
  );
}
