import type { JobEvent } from '@scion/contracts';
import { batches } from '../batches.js';
import type { Client } from '../client.js';
import { isScionError, ScionError } from '../errors.js';
import type { Trainer, TrainingRow, TrainOutcome, TrainRequest } from './trainer.js';

/** The service's own limits of one request. */
const rowsPerAppend = 1_000;
const rowsPerPredict = 256;

/** Trains on a service: rows become examples, a fit becomes a job. */
export function createRemoteTrainer(client: Client, task: string): Trainer {
  /** Rows that this trainer has sent, arrived or not, by user: those it may take back. */
  const sent = new Map<string, Set<string>>();

  /** Leaves of the user's examples exactly these rows. Refuses to delete any that it did not send. */
  async function makeRoom(user: string, rows: TrainingRow[], signal: AbortSignal): Promise<void> {
    const wanted = new Set(rows.map(({ id }) => id));
    const own = sent.get(user) ?? new Set();
    const obsolete: string[] = [];
    let foreign = 0;
    for await (const { id } of client.examples.export(task, user, { signal })) {
      if (wanted.has(id)) continue;
      if (own.has(id)) obsolete.push(id);
      else foreign += 1;
    }
    if (foreign > 0)
      throw new ScionError({
        code: 'examples_exist',
        title: 'The user has other examples',
        detail: `fit learns from its own rows alone, and ${foreign} others are stored: partialFit adds to them, users.erase removes them.`,
      });
    for (const id of obsolete)
      await client.examples.delete(task, user, id, { signal }).catch((problem) => {
        // A deletion whose answer was lost, or somebody else's.
        if (!isScionError(problem, 'example_not_found')) throw problem;
      });
  }

  async function live(user: string): Promise<Pick<TrainOutcome, 'version' | 'method'>> {
    const model = await client.models.get(task, user);
    return { version: model.live?.version ?? null, method: model.live?.card.method ?? null };
  }

  return {
    kind: async () => (await client.tasks.get(task)).kind,

    async train(user, { rows, keepOthers, training, gate, signal, onMetric, onProgress }: TrainRequest) {
      if (!keepOthers) await makeRoom(user, rows, signal);
      const own = sent.get(user) ?? new Set();
      sent.set(user, own);
      for (const batch of batches(rows, rowsPerAppend)) {
        // Before they leave: rows of a request that failed may have been stored.
        for (const { id } of batch) own.add(id);
        await client.examples.append(task, user, batch, { signal });
      }

      const job = await client.jobs.create({ task, user, training }, { signal });
      let attempt = 1;
      let seen = 0;
      const onEvent = ({
        type,
        seq,
        stage,
        progress,
        series = 'loss',
        step,
        loss,
        validationLoss,
      }: JobEvent) => {
        if (seq <= seen) attempt += 1;
        seen = seq;
        if (type === 'stage') onProgress(progress ?? 0, stage ?? '');
        if (type === 'metric' && step !== undefined && loss !== undefined)
          onMetric({ series, step, loss, validationLoss, attempt });
      };
      let ended = job;
      try {
        ended = await client.jobs.wait(job.id, { signal, onEvent });
      } catch (error) {
        if (!signal.aborted) throw error;
        await client.jobs.cancel(job.id).catch((problem) => {
          // It ended in the meantime.
          if (!isScionError(problem, 'job_finished')) throw problem;
        });
        ended = await client.jobs.wait(job.id);
      }
      if (ended.state === 'cancelled' || signal.aborted)
        return { ...(await live(user)), gate: ended.gate, stopped: true };
      if (ended.state !== 'succeeded')
        throw new ScionError({
          code: ended.failure?.code ?? 'training_failed',
          title: 'Training failed',
          detail: ended.failure?.detail ?? 'See the job.',
        });
      if (!gate && ended.gate?.promoted === false && ended.version !== null)
        await client.models.promote(task, user, ended.version);
      return { ...(await live(user)), gate: ended.gate, stopped: false };
    },

    async predict(user, inputs) {
      const answers: Awaited<ReturnType<Trainer['predict']>>[number][] = [];
      for (const batch of batches(inputs, rowsPerPredict)) {
        const { predictions } = await client.predict({ task, user, inputs: batch });
        answers.push(...predictions);
      }
      return answers as Awaited<ReturnType<Trainer['predict']>>;
    },

    async forget(user) {
      await client.users.erase(user, { task }).catch((problem) => {
        // Nothing of it was stored yet, or an erasure whose answer was lost has ended.
        if (!isScionError(problem, 'user_not_found')) throw problem;
      });
      sent.delete(user);
    },
    async close() {},
  };
}
