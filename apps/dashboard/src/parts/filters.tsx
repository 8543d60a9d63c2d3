import type { Page, Task } from '@scion/sdk';
import { serviceTime } from '../clock.js';
import { useLive } from '../data/live.js';
import { parameter, setParameters } from '../navigation.js';
import type { ListScope } from '../scope.js';

/** Filters keep their value in the address. */
export function TaskFilter({ scope }: { scope: ListScope }) {
  return scope.tenantId === undefined ? <TextFilter name="task" label="Task" /> : <OneTask scope={scope} />;
}

function OneTask({ scope }: { scope: ListScope }) {
  const tasks = useLive<Page<Task>>('tasks', (signal) => scope.client.tasks.list({}, { signal }), 30_000);
  const value = parameter('task');
  const list = tasks.data?.data ?? [];
  return (
    <label class="field">
      <span class="hidden-text">Task</span>
      <select value={value ?? ''} onChange={(event) => setParameters({ task: event.currentTarget.value })}>
        <option value="">Every task</option>
        {value && !list.some(({ name }) => name === value) && <option value={value}>{value}</option>}
        {list.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A user is found by the whole id: the service knows them as opaque strings. */
export function UserFilter() {
  return <TextFilter name="user" label="User id" />;
}

/** What has to be given whole. */
export function TextFilter({ name, label }: { name: string; label: string }) {
  return (
    <label class="field field-grow">
      <span class="hidden-text">{label}</span>
      <input
        type="search"
        placeholder={label}
        value={parameter(name) ?? ''}
        onChange={(event) => setParameters({ [name]: event.currentTarget.value.trim() })}
      />
    </label>
  );
}

/** By their value in the address, with their hours. */
const spans: Record<string, readonly [shown: string, hours: number]> = {
  '1h': ['Last hour', 1],
  '24h': ['Last 24 hours', 24],
  '7d': ['Last 7 days', 168],
  '30d': ['Last 30 days', 720],
};

export function SinceFilter() {
  return (
    <label class="field">
      <span class="hidden-text">Time</span>
      <select
        value={parameter('since') ?? ''}
        onChange={(event) => setParameters({ since: event.currentTarget.value })}
      >
        <option value="">Any time</option>
        {Object.entries(spans).map(([value, [shown]]) => (
          <option key={value} value={value}>
            {shown}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The moment that a value of `SinceFilter` stands for now. */
export function momentSince(value: string | undefined): string | undefined {
  const [, hours] = spans[value ?? ''] ?? [];
  return hours === undefined ? undefined : new Date(serviceTime() - hours * 3_600_000).toISOString();
}
