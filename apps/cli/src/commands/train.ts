import type { Method, TaskKind } from '@scion/contracts';
import {
  type Client,
  createCurveBook,
  drawCurves,
  isFinished,
  type Job,
  type JobEvent,
  type JobStage,
} from '@scion/sdk';
import type { Context } from '../command.js';
import { connectTenant } from '../connection.js';
import { exitCodes } from '../exit-codes.js';
import { bytes, duration, scoreOf } from '../terminal/format.js';
import { bar } from '../terminal/progress-bar.js';

export async function run(context: Context): Promise<number> {
  const { input, terminal, signal } = context;
  const [task, user] = [input.arg('task'), input.arg('user')];
  const client = await connectTenant(context);
  const onEvent = input.flag('watch')
    ? drawEvents(context, (await client.tasks.get(task, { signal })).kind)
    : showProgress(context);
  const startedAt = performance.now();
  const method = input.text('method') as Method | undefined;
  const job = await client.jobs.create({
    ...{ task, user },
    ...(input.flag('bulk') && { priority: 'bulk' }),
    ...(method && { training: { method } }),
  });
  if (input.flag('detach')) {
    terminal.result(job, () => `${job.id} is ${job.state}`);
    return exitCodes.ok.code;
  }
  signal.addEventListener('abort', () =>
    terminal.note(
      terminal.errorStyle.dim(`${job.id} goes on without you; its curves stand in the dashboard`),
    ),
  );
  const ended = await client.jobs.wait(job.id, { signal, onEvent });
  const seconds = (performance.now() - startedAt) / 1_000;
  return await reportOutcome(context, client, ended, seconds);
}

/** One line that says how far it is. */
function showProgress({ terminal }: Context): (event: JobEvent) => void {
  const { dim, cyan } = terminal.errorStyle;
  let share = 0;
  return ({ type, stage, state, progress }) => {
    if (type === 'metric') return;
    share = progress ?? share;
    terminal.redraw([`${dim('▕')}${cyan(bar(share, 24))}${dim('▏')} ${stage ?? state}`]);
  };
}

const stageWords: Record<JobStage, string> = {
  head: 'fitting the head',
  adapter: 'fitting the adapters',
  evaluating: 'asking whether it wins',
  publishing: 'publishing',
};

/** Curves drawn in place on a terminal, a plain line for each event in a pipe, JSON lines with --json. */
function drawEvents({ terminal }: Context, kind: TaskKind): (event: JobEvent) => void {
  const book = createCurveBook();
  const what = kind === 'regression' ? 'loss (half the squared error of scaled values)' : 'loss in nats';
  const { cyan, yellow, dim } = terminal.errorStyle;
  let doing = 'queued';
  let seen = 0;
  let attempt = 1;
  let drawnAt = 0;
  return (event) => {
    const { type, seq, state, stage, series, step, loss, validationLoss } = event;
    if (seq <= seen) attempt += 1;
    seen = seq;
    if (terminal.json) return terminal.event(event, undefined);
    const told =
      type === 'metric'
        ? [
            `${series}`,
            `step ${step}`,
            ...lossWords('loss', loss),
            ...lossWords('validation', validationLoss),
          ].join('  ')
        : stage === undefined
          ? `${state}`
          : (stageWords[stage] ?? stage);
    if (!terminal.live) return terminal.event(event, told);
    if (type !== 'metric') doing = told;
    else if (step !== undefined) book.add({ series: series ?? 'loss', step, loss, validationLoss, attempt });
    // Metrics come by the hundred in a burst; the eye takes twenty pictures a second.
    const ended = type === 'state' && state !== undefined && isFinished(state);
    if (!ended && type === 'metric' && performance.now() - drawnAt < 50) return;
    drawnAt = performance.now();
    const width = Math.min(process.stderr.columns ?? 80, 100);
    const paint = (text: string, index: number): string => (index === 0 ? cyan(text) : yellow(text));
    terminal.redraw([
      ...drawCurves(book.curves(), { width: width - 2, height: 14, paint }),
      dim(`${what} by step · ${doing}`),
    ]);
    if (ended) terminal.keep();
  };
}

const lossWords = (name: string, value: number | undefined): string[] =>
  value === undefined ? [] : [`${name} ${value.toFixed(4)}`];

async function reportOutcome(
  { terminal, input }: Context,
  client: Client,
  job: Job,
  seconds: number,
): Promise<number> {
  const { style } = terminal;
  if (job.state !== 'succeeded') {
    terminal.result(job, () => [
      `${style.red(job.state)} after ${duration(seconds)}${job.failure ? `: ${job.failure.detail}` : ''}`,
    ]);
    return exitCodes.incomplete.code;
  }
  const version = await client.models.version(job.task, job.user, job.version!);
  const { gate, examples } = version.card;
  if (terminal.json && input.flag('watch')) terminal.event(job, undefined);
  else
    terminal.result({ ...job, card: version.card, seconds }, () => [
      `${gate.promoted ? style.green(`version ${version.version} is live`) : style.yellow(`version ${version.version} was kept back`)} after ${duration(seconds)}`,
      `  ${scoreOf(gate.candidate)} on rows it was not trained on (always ${gate.majority.r2 === undefined ? 'the commonest answer' : 'the mean'}: ${scoreOf(gate.majority)})`,
      `  ${examples} examples, ${version.card.method === 'lora' ? 'low-rank adapters and head' : 'head alone'}, ${bytes(version.adapterBytes)}`,
      `  gate: ${gate.reason}`,
    ]);
  return exitCodes.ok.code;
}
