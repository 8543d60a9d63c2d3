import { readFile } from 'node:fs/promises';
import { type Client, isScionError, type Task, type TaskSpec } from '@scion/sdk';
import type { Context } from '../command.js';
import { confirm } from '../confirm.js';
import { connectTenant } from '../connection.js';
import { time } from '../terminal/format.js';
import { renderTable } from '../terminal/table.js';
import { UserError } from '../user-error.js';
import { readAll } from './read-stdin.js';
import { takeFirst } from './take-first.js';

export async function putTask(context: Context): Promise<void> {
  const { input, terminal } = context;
  const name = input.arg('task');
  const kind = input.text('kind') as TaskSpec['kind'];
  const labels = input.list('labels');
  const untrained = input.text('untrained') as TaskSpec['untrained'];
  const abstainBelow = input.number('abstain-below');
  const afterExamples = input.number('retrain-after');
  const given = await readSpec(context);
  const client = await connectTenant(context);
  const base = given ?? (await settingsOf(client, name));
  const task = await client.tasks.put(name, {
    ...base,
    ...(kind && { kind }),
    ...(labels && { labels }),
    ...(untrained && { untrained }),
    ...(abstainBelow !== undefined && { abstainBelow }),
    ...(afterExamples !== undefined && { retrain: { ...base.retrain, afterExamples } }),
  });
  terminal.result(task, () => describe(task));
}

/** What a task was put with, so that the API, which replaces all of it, keeps what is not named. */
async function settingsOf(client: Client, name: string): Promise<TaskSpec> {
  try {
    const {
      name: _,
      base: __,
      createdAt: ___,
      updatedAt: ____,
      labels,
      ...kept
    } = await client.tasks.get(name);
    return { ...kept, ...(labels && { labels }) };
  } catch (error) {
    if (isScionError(error, 'task_not_found')) return {};
    throw error;
  }
}

export async function listTasks(context: Context): Promise<void> {
  const { terminal } = context;
  const tasks = await takeFirst((await connectTenant(context)).tasks.list(), context);
  terminal.result(tasks, () =>
    renderTable<Task>(
      tasks,
      [
        { title: 'task', cell: ({ name }) => name, style: terminal.style.cyan },
        { title: 'kind', cell: ({ kind }) => kind },
        { title: 'labels', cell: labelsOf, flexible: true },
        { title: 'untrained', cell: ({ untrained }) => untrained },
        { title: 'base', cell: ({ base }) => base },
        { title: 'changed', cell: ({ updatedAt }) => time(updatedAt) },
      ],
      terminal,
    ),
  );
}

export async function deleteTask(context: Context): Promise<void> {
  const task = context.input.arg('task');
  const client = await connectTenant(context);
  await confirm(context, `Delete the task ${task}? Its users can be neither trained nor asked any more.`);
  await client.tasks.delete(task);
  context.terminal.result({ deleted: task }, () => `deleted ${task}`);
}

const labelsOf = ({ labels }: Task): string => labels?.join(', ') ?? 'each user’s own';

function describe(task: Task): string {
  return `${task.name}: ${task.kind} of ${task.modality} on ${task.base}; labels: ${labelsOf(task)}`;
}

async function readSpec({ input, stdin }: Context): Promise<TaskSpec | undefined> {
  const path = input.text('spec');
  if (path === undefined) return undefined;
  const text = path === '-' ? await readAll(stdin) : await readFile(path, 'utf8');
  try {
    return JSON.parse(text) as TaskSpec;
  } catch (error) {
    throw new UserError(`${path === '-' ? 'standard input' : path} is not JSON: ${(error as Error).message}`);
  }
}
