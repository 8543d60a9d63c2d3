import type { ModelSummary, ModelVersion } from '@scion/sdk';
import type { Context } from '../command.js';
import { connectTenant } from '../connection.js';
import { bytes, count, counted, percent, scoreOf, time } from '../terminal/format.js';
import { renderFacts, renderTable } from '../terminal/table.js';
import { takeFirst } from './take-first.js';

export async function run(context: Context): Promise<void> {
  const [task, user] = [context.input.optionalArg('task'), context.input.optionalArg('user')];
  if (task !== undefined && user !== undefined) await showModel(context, task, user);
  else await listModels(context, task);
}

async function listModels(context: Context, task: string | undefined): Promise<void> {
  const { terminal } = context;
  const client = await connectTenant(context);
  const models = await takeFirst(client.models.list({ task }), context);
  terminal.result(models, () =>
    renderTable<ModelSummary>(
      models,
      [
        { title: 'task', cell: ({ task }) => task },
        { title: 'user', cell: ({ user }) => user, flexible: true, style: terminal.style.cyan },
        { title: 'live', cell: ({ live }) => (live ? `version ${live.version}` : 'none yet') },
        { title: 'method', cell: ({ live }) => live?.method ?? '–' },
        { title: 'examples', cell: ({ live }) => (live ? count(live.examples) : '–'), align: 'right' },
        {
          title: 'right',
          cell: ({ live }) => (live?.accuracy === undefined ? '–' : percent(live.accuracy)),
          align: 'right',
        },
        { title: 'bytes', cell: ({ live }) => (live ? bytes(live.adapterBytes) : '–'), align: 'right' },
        { title: 'trained', cell: ({ live }) => (live ? time(live.createdAt) : '–') },
      ],
      terminal,
    ),
  );
}

async function showModel(context: Context, task: string, user: string): Promise<void> {
  const { terminal } = context;
  const client = await connectTenant(context);
  const model = await client.models.get(task, user);
  const versions = await takeFirst(client.models.versions(task, user), context);
  const { style } = terminal;
  terminal.result({ ...model, versions }, () => [
    ...renderFacts(
      {
        model: `${style.bold(user)} in ${task}`,
        examples: count(model.examples),
        live: model.live
          ? `version ${model.live.version}, adapter ${bytes(model.live.adapterBytes)}`
          : 'none yet',
      },
      style,
    ),
    '',
    ...renderTable<ModelVersion>(
      versions,
      [
        {
          title: 'version',
          cell: ({ version, live, pinned }) => `${version}${live ? ' live' : ''}${pinned ? ' pinned' : ''}`,
          style: (text, { live }) => (live ? style.green(text) : text),
        },
        { title: 'trained', cell: ({ card }) => time(card.createdAt) },
        { title: 'examples', cell: ({ card }) => count(card.examples), align: 'right' },
        { title: 'method', cell: ({ card }) => card.method },
        { title: 'held out', cell: ({ card }) => scoreOf(card.gate.candidate), align: 'right' },
        { title: 'bytes', cell: ({ adapterBytes }) => bytes(adapterBytes), align: 'right' },
        { title: 'gate', cell: ({ card }) => card.gate.reason, flexible: true, style: style.dim },
      ],
      terminal,
    ),
    ...(versions.length === 0 ? [] : ['', style.dim(counted(versions.length, 'version'))]),
  ]);
}
