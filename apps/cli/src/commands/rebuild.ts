import { createIds } from '@scion/contracts';
import { createQueue, type Queue, trainingPayload } from '@scion/queue';
import { createRegistry, type RebuildReport, type Registry } from '@scion/registry';
import { type ObjectStore, openStore, type StoreSettings } from '@scion/store';
import { Redis } from 'ioredis';
import type { Context } from '../command.js';
import { storeSettings } from '../store-settings.js';
import { count, counted, duration } from '../terminal/format.js';
import { UserError } from '../user-error.js';

export async function run({ input, terminal }: Context): Promise<void> {
  const redis = input.text('redis');
  if (redis === undefined)
    throw new UserError('rebuild needs --redis <url> (or REDIS_URL in the environment)');
  const report = await rebuild(redis, storeSettings(input));
  terminal.result(report, () => {
    const { seconds, unfinishedJobs, jobs, ...rest } = report;
    const found = Object.entries(rest).map(([what, number]) => `${count(number)} ${what}`);
    const all = [...found, `${counted(jobs, 'job')}, ${count(unfinishedJobs)} of them unfinished`];
    return `restored ${all.join(', ')} in ${duration(seconds)}`;
  });
}

/** Safe while api and workers run: readers of an index wait for it. */
async function rebuild(redisUrl: string, settings: StoreSettings): Promise<RebuildReport> {
  const clock = Date.now;
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 1 });
  let unreachable: Error | undefined;
  redis.on('error', (error) => {
    unreachable = error;
  });
  let store: ObjectStore | undefined;
  let queue: Queue | undefined;
  let registry: Registry | undefined;
  try {
    await redis.ping().catch((error: Error) => {
      throw new UserError(`Redis does not answer: ${(unreachable ?? error).message}`, {
        hint: 'scion doctor looks closer',
        exit: 'unavailable',
      });
    });
    store = await openStore(settings);
    const jobs = createQueue({
      ...{ connection: redisUrl, clock },
      shareOf: async (tenantId) => (await opening).tenants.get(tenantId),
    });
    queue = jobs;
    const opening = createRegistry({
      ...{ store, redis, clock, newId: createIds(clock) },
      async onRebuilt(unfinished) {
        for (const job of unfinished) await jobs.enqueueTraining(trainingPayload(job));
      },
    });
    registry = await opening;
    return await registry.rebuild();
  } finally {
    // Also of what failed to open: a connection left behind keeps the process alive.
    await registry?.close();
    await queue?.close();
    redis.disconnect();
    await store?.close();
  }
}
