import t from 'tap';
import { ConfigError, readConfig } from './config.js';

const smallest = { REDIS_URL: '/run/redis.sock', SCION_DATA: '/data', SCION_BASE: '/base' };

t.test('three variables are enough, and what is left out has a default', async (t) => {
  const config = readConfig({ ...smallest, UNRELATED: 'x', SCION_THREADS: '' });
  t.match(config, {
    redisUrl: '/run/redis.sock',
    objects: { kind: 'folder', path: '/data/objects' },
    basePath: '/base',
    deliveryConcurrency: 16,
    graceMs: 15_000,
    lockMs: 30_000,
    nice: 0,
    webhooks: { allowPrivateAddresses: false, timeoutMs: 10_000 },
    logLevel: 'info',
  });
  t.ok(config.threads >= 1 && config.trainConcurrency >= 1);
  t.ok(Object.isFrozen(config));
});

t.test('numbers and flags are read from their text', async (t) => {
  t.match(
    readConfig({
      ...smallest,
      SCION_THREADS: '5',
      SCION_WORKER_NICE: '7',
      SCION_GRACE_SECONDS: '0.5',
      SCION_LOCK_SECONDS: '5',
      SCION_WEBHOOK_ALLOW_PRIVATE: 'true',
    }),
    {
      threads: 5,
      trainConcurrency: 3,
      nice: 7,
      graceMs: 500,
      lockMs: 5_000,
      webhooks: { allowPrivateAddresses: true },
    },
  );
});

t.test('a bucket takes the place of the folder', async (t) => {
  t.same(
    readConfig({
      ...smallest,
      SCION_DATA: undefined,
      S3_BUCKET: 'scion',
      S3_ENDPOINT: 'http://s3:8333',
      S3_FORCE_PATH_STYLE: 'true',
    }).objects,
    {
      kind: 's3',
      bucket: 'scion',
      endpoint: 'http://s3:8333',
      region: 'us-east-1',
      prefix: '',
      forcePathStyle: true,
    },
  );
});

t.test('every problem is listed at once, and no value is shown', async (t) => {
  let problems: string[] = [];
  try {
    readConfig({ SCION_THREADS: 'many-secret', SCION_WORKER_NICE: '40', SCION_LOG_LEVEL: 'loud-secret' });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems = error.problems;
    t.notMatch(error.message, 'secret');
  }
  const names = problems.map((problem) => problem.split(' ')[0]).sort();
  t.same(names, [
    'REDIS_URL',
    'SCION_BASE',
    'SCION_DATA',
    'SCION_LOG_LEVEL',
    'SCION_THREADS',
    'SCION_WORKER_NICE',
  ]);
});
