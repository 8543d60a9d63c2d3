import { AppError, type ProblemCode, problems } from '@scion/contracts';
import { UnrecoverableError } from 'bullmq';
import t from 'tap';
import { JobAborted } from './index.js';
import { aborted, createWorld, gate, training } from './testing/world.js';
import { forQueue } from './unrecoverable.js';

t.test('what a caller did wrong is never retried, what is ours or passes is', async (t) => {
  for (const code of Object.keys(problems) as ProblemCode[]) {
    const { status, retryable = false }: { status: number; retryable?: boolean } = problems[code];
    const given = forQueue(new AppError(code, 'A detail.'));
    t.equal(given instanceof UnrecoverableError, !retryable, code);
    // Waiting is the remedy for these; nothing was wrong with the call.
    const passes =
      status >= 500 || status === 429 || code === 'idempotency_in_progress' || code === 'user_importing';
    if (!passes) t.ok(given instanceof UnrecoverableError, `${code} is the caller's`);
  }
  t.notOk(forQueue(new Error('a lost connection')) instanceof UnrecoverableError);
  t.notOk(forQueue('no error at all') instanceof UnrecoverableError);
});

t.test('cancelling is final; a timeout is an attempt', async (t) => {
  t.ok(forQueue(new JobAborted('cancelled')) instanceof UnrecoverableError);
  t.notOk(forQueue(new JobAborted('timeout')) instanceof UnrecoverableError);
});

t.test('a run that takes too long is told, counts as an attempt, and frees its worker', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const queue = world.queue({ timings: { timeoutMs: 20 } });
  const payload = training();
  const [reason, again, other] = [gate<unknown>(), gate<number>(), gate()];
  const order: string[] = [];
  await queue.processTraining(
    async ({ jobId }, { signal, attempt }) => {
      order.push(`${jobId === payload.jobId ? 'slow' : 'other'} ${attempt}`);
      if (jobId !== payload.jobId) return other.open();
      if (attempt > 1) return again.open(attempt);
      reason.open(await aborted(signal));
      throw signal.reason;
    },
    { concurrency: 1 },
  );
  await queue.enqueueTraining(payload);
  await queue.enqueueTraining(training());
  t.match(await reason.opened, { reason: 'timeout' });
  await other.opened;
  t.equal(await again.opened, 2);
  t.same(order, ['slow 1', 'other 1', 'slow 2'], 'its slot serves others while it waits for its retry');
});
