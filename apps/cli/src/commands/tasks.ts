import { readFile } from 'node:fs/promises';
import type { Task, TaskSpec } from '@scion/sdk';
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
  const kind = input.text('kind') as TaskSpec['kind'];
  const labels = input.list('labels');
  const untrained = input.text('untrained') as TaskSpec['untrained'];
  const abstainBelow = input.number('abstain-below');
  const afterExamples = input.number('retrain-after');
  const spec: TaskSpec = {
    ...(await readSpec(context)),
    ...(kind && { kind }),
    ...(labels && { labels }),
    ...(untrained && { untrained }),
    ...(abstainBelow !== undefined && { abstainBelow }),
    ...(afterExamples !== undefined && { retrain: { afterExamples } }),
  };
  const task = await (await connectTenant(context)).tasks.put(input.arg('task'), spec);
  terminal.result(task, () => describe(task));
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

async function readSpec({ input, stdin }: Context): Promise<TaskSpec> {
  const path = input.text('spec');
  if (path === undefined) return {};
  const text = path === '-' ? await readAll(stdin) : await readFile(path, 'utf8');
  try {
    return JSON.parse(text) as TaskSpec;
  } catch (error) {
    throw new UserError(`${path === '-' ? 'standard input' : path} is not JSON: ${(error as Error).message}`);
  }
}
