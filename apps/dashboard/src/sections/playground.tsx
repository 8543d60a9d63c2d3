import type { ModelSummary, Page, Task } from '@scion/sdk';
import { useEffect, useState } from 'preact/hooks';
import { useLive } from '../live.js';
import { chosen, replaceRoute } from '../navigation.js';
import { Empty, ErrorNote, Loading } from '../parts/notice.js';
import type { Scope } from '../scope.js';
import { PlaygroundAnswer } from './playground-answer.js';
import { Section } from './section.js';

/** Side by side, more could not be compared by eye. */
const mostUsers = 8;
const usersAtFirst = 3;

export function PlaygroundSection({ scope, waiting }: { scope: Scope | undefined; waiting: boolean }) {
  return (
    <Section name="playground" title="Playground" about="One text, several users, one answer each.">
      {scope ? (
        <Playground key={scope.tenantId} scope={scope} />
      ) : waiting ? (
        <Loading rows={3} what="the playground" />
      ) : (
        <Empty title="Models can be tried here once there is a tenant" />
      )}
    </Section>
  );
}

function Playground({ scope }: { scope: Scope }) {
  const tasks = useLive<Page<Task>>('tasks', (signal) => scope.client.tasks.list({}, { signal }), 15_000);
  const [picked, setPicked] = useState<string>();
  const { play } = chosen.value;
  // An address that names a task takes over from the menu.
  useEffect(() => setPicked(undefined), [play]);

  if (tasks.error !== undefined && !tasks.data)
    return <ErrorNote error={tasks.error} retry={tasks.refresh} />;
  if (!tasks.data) return <Loading rows={3} what="the playground" />;
  const names = tasks.data.data.map((task) => task.name);
  const task = names.find((name) => name === (picked ?? play?.task)) ?? names[0];
  if (task === undefined) {
    return (
      <Empty title="No tasks yet">
        <p>A task says what is personalized, such as which mails matter to someone.</p>
      </Empty>
    );
  }
  return <Bench key={task} scope={scope} task={task} tasks={names} onTask={setPicked} />;
}

interface BenchProps {
  scope: Scope;
  task: string;
  tasks: string[];
  onTask(task: string): void;
}

function Bench({ scope, task, tasks, onTask }: BenchProps) {
  const [text, setText] = useState('');
  const models = useLive<Page<ModelSummary>>(
    `users ${task}`,
    (signal) => scope.client.models.list({ task, limit: 40 }, { signal }),
    10_000,
  );
  const listed = models.data?.data.map((model) => model.user) ?? [];
  const wanted = chosen.value.play?.task === task ? chosen.value.play.users : undefined;
  const users = wanted ?? listed.slice(0, usersAtFirst);
  // A deep link may name a user beyond the first page of models.
  const offered = [...new Set([...listed, ...users])];

  const toggle = (user: string) => {
    const next = users.includes(user) ? users.filter((one) => one !== user) : [...users, user];
    replaceRoute({ section: 'playground', play: { task, users: next } });
  };

  return (
    <div class="playground">
      <div class="playground-ask">
        <div class="playground-controls">
          <label class="field">
            <span>Task</span>
            <select value={task} onChange={(event) => onTask(event.currentTarget.value)}>
              {tasks.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        </div>
        <label class="playground-text">
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
        {!models.data && models.error === undefined && <Loading rows={1} what="users" />}
        {models.data && offered.length === 0 && <Empty title="No user of this task has a model yet" />}
        {offered.length > 0 && (
          <fieldset class="chips">
            <legend>Users</legend>
            {offered.map((user) => (
              <label key={user} class="chip">
                <input
                  type="checkbox"
                  checked={users.includes(user)}
                  disabled={!users.includes(user) && users.length >= mostUsers}
                  onChange={() => toggle(user)}
                />
                <span>{user}</span>
              </label>
            ))}
          </fieldset>
        )}
      </div>
      {users.length > 0 ? (
        <div class="answers">
          {users.map((user) => (
            <PlaygroundAnswer key={user} scope={scope} task={task} user={user} text={text} />
          ))}
        </div>
      ) : (
        offered.length > 0 && <p class="quiet">Choose at least one user.</p>
      )}
    </div>
  );
}
