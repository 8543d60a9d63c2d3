import { join } from 'node:path';
import { createIds } from '@scion/contracts';
import { createQueue, trainingPayload } from '@scion/queue';
import { createRegistry, type RebuildReport } from '@scion/registry';
import { openStore, type StoreSettings } from '@scion/store';
import { type Command, Option } from 'commander';
import { Redis } from 'ioredis';
import { UserError } from './user-error.js';

interface Flags {
  redis: string;
  data?: string;
  bucket?: string;
  endpoint?: string;
  region: string;
  prefix: string;
  pathStyle?: boolean;
}

export function addRebuildCommand(program: Command): void {
  program
    .command('rebuild')
    .description('Restore Redis from the objects alone: indexes, and unfinished jobs into the queue')
    .addOption(
      new Option('--redis <url>', 'redis:// or rediss:// URL, or the path of a unix socket')
        .env('REDIS_URL')
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--data <folder>', 'the data folder, where objects are kept on disk').env('SCION_DATA'),
    )
    .addOption(new Option('--bucket <name>', 'the bucket, where they are in S3').env('S3_BUCKET'))
    .addOption(new Option('--endpoint <url>', 'S3 endpoint; AWS when left out').env('S3_ENDPOINT'))
    .addOption(new Option('--region <name>', 'S3 region').env('S3_REGION').default('us-east-1'))
    .addOption(new Option('--prefix <text>', 'before every key in the bucket').env('S3_PREFIX').default(''))
    .addOption(new Option('--path-style', 'address the bucket in the path').env('S3_FORCE_PATH_STYLE'))
    .action(async (flags: Flags) => {
      const { seconds, ...counts } = await rebuild(flags.redis, settingsOf(flags));
      const found = Object.entries(counts).map(([what, count]) => `${count} ${words[what] ?? what}`);
      process.stdout.write(`restored ${found.join(', ')} in ${seconds.toFixed(1)} s\n`);
    });
}

const words: Record<string, string> = { unfinishedJobs: 'of them unfinished' };

function settingsOf({ data, bucket, endpoint, region, prefix, pathStyle = false }: Flags): StoreSettings {
  if (bucket !== undefined)
    return { kind: 's3', ...{ bucket, endpoint, region, prefix }, forcePathStyle: pathStyle };
  if (data === undefined)
    throw new UserError('say where the objects are: --data <folder> or --bucket <name>');
  return { kind: 'folder', path: join(data, 'objects') };
}

/** Safe while api and workers run: readers of an index wait for it. */
async function rebuild(redisUrl: string, settings: StoreSettings): Promise<RebuildReport> {
  const clock = Date.now;
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 1 });
  let unreachable: Error | undefined;
  redis.on('error', (error) => {
    unreachable = error;
  });
  try {
    await redis.ping();
  } catch (error) {
    redis.disconnect();
    throw new UserError(`Redis does not answer: ${(unreachable ?? (error as Error)).message}`);
  }
  const store = await openStore(settings);
  const queue = createQueue({
    ...{ connection: redisUrl, clock },
    shareOf: async (tenantId) => (await opening).tenants.get(tenantId),
  });
  const opening = createRegistry({
    ...{ store, redis, clock, newId: createIds(clock) },
    async onRebuilt(unfinished) {
      for (const job of unfinished) await queue.enqueueTraining(trainingPayload(job));
    },
  });
  const registry = await opening;
  try {
    return await registry.rebuild();
  } finally {
    await registry.close();
    await queue.close();
    redis.disconnect();
    await store.close();
  }
}
