import { createIds } from '@scion/contracts';
import { JobAborted, type TrainingContext } from '@scion/queue';
import { createRegistry } from '@scion/registry';
import { createMemoryStore, listAll } from '@scion/store';
import { createTestClock, startRedis } from '@scion/testkit';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import t from 'tap';
import { createFinishJob } from './finish-job.js';
import { createTrainModel } from './train-model.js';

const server = await startRedis();
const redis = new Redis(server.connect());
const store = createMemoryStore();
const clock = createTestClock();
const registry = await createRegistry({ store, redis, clock, newId: createIds(clock) });
t.teardown(async () => {
  await registry.close();
  redis.disconnect();
  await server.close();
});
await registry.ensureIndexed();
const { id: tenantId } = await registry.tenants.create({ name: 'Orchard' });
await registry.tasks.put(tenantId, 'mail', {}, { base: 'minilm' });

/** Runs a job whose user is erased while the head is fitted; `then` is what the fit does next. */
async function runErased(then: (abort: AbortController) => void): Promise<string[]> {
  const ref = { tenantId, task: 'mail', user: 'Ada Quince' };
  await registry.examples.append(
    ref,
    [1, 2, 3, 4].map((n) => ({ id: `${n}`, input: `text ${n}`, label: n % 2 ? 'like' : 'skip' })),
  );
  const { job } = await registry.jobs.create(ref);
  const abort = new AbortController();
  const told: string[] = [];
  const events = { append: async () => undefined, read: async () => [] };
  const trainModel = createTrainModel({
    registry,
    logs: { append: async () => {} },
    engine: {
      base: {} as never,
      predict: async () => t.fail('nothing is asked of the live version') as never,
      training: () => ({
        canAdapt: false,
        async head() {
          await registry.users.erase({ tenantId, user: ref.user, by: 'key_1' }, async () => {});
          then(abort);
          return {
            labels: ['like', 'skip'],
            outOfFold: { rows: [], predictions: new Float32Array() },
          } as never;
        },
        lora: async () => t.fail('four rows are too few') as never,
      }),
    },
    finishJob: createFinishJob({
      ...{ jobs: registry.jobs, events, clock },
      webhooks: {
        async emit({ state }) {
          told.push(state);
          return 1;
        },
      },
    }),
    clock,
    log: pino({ level: 'silent' }),
  });
  const context: TrainingContext = {
    signal: abort.signal,
    attempt: 1,
    stalls: 0,
    finalAttempt: true,
    events,
  };
  // A rejection would make the queue keep the job, and with it the user's name, among the dead.
  await trainModel.run({ jobId: job.id, ...ref }, context);
  for await (const { key } of listAll(store, '')) if (key.includes('!41da')) told.push(key);
  return told;
}

t.test('a job whose user is erased while it trains ends without an error and without a trace', async (t) => {
  t.same(await runErased(() => {}), []);
});

t.test('the same when it is told to stop', async (t) => {
  t.same(await runErased((abort) => abort.abort(new JobAborted('cancelled'))), []);
});

t.test('the same when its fit fails', async (t) => {
  t.same(
    await runErased(() => {
      throw new Error('diverged');
    }),
    [],
  );
});
