import { limits } from '@scion/contracts';
import t from 'tap';
import { ConfigError, readConfig } from './config.js';

const least = { REDIS_URL: '/run/redis.sock', SCION_DATA: '/data', SCION_BASE: '/base' };

const problemsOf = (env: Record<string, string>): string[] => {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
};

t.test('three variables are enough, and the rest has defaults', async (t) => {
  t.match(readConfig(least), {
    host: '127.0.0.1',
    port: 7070,
    redisUrl: '/run/redis.sock',
    store: { kind: 'folder', path: '/data/objects' },
    baseDir: '/base',
    cacheBytes: 256 * 1024 * 1024,
    operatorKey: undefined,
    allowPrivateWebhooks: false,
    logLevel: 'info',
  });
});

t.test('a bucket takes the place of the folder', async (t) => {
  const env = {
    ...{ REDIS_URL: 'redis://redis:6379', SCION_BASE: '/base' },
    ...{ S3_BUCKET: 'scion', S3_ENDPOINT: 'http://s3:8333', S3_FORCE_PATH_STYLE: 'true', S3_PREFIX: 'a/' },
  };
  t.same(readConfig(env).store, {
    kind: 's3',
    bucket: 'scion',
    endpoint: 'http://s3:8333',
    region: 'us-east-1',
    prefix: 'a/',
    forcePathStyle: true,
  });
});

t.test('every problem is listed at once, with what is wanted, and never with a value', async (t) => {
  const problems = problemsOf({ SCION_PORT: '70000', SCION_THREADS: 'many', SCION_OPERATOR_KEY: 'sesame' });
  const names = problems.map((problem) => problem.split(' ', 1)[0]).sort();
  t.same(names, [
    'REDIS_URL',
    'SCION_BASE',
    'SCION_DATA',
    'SCION_OPERATOR_KEY',
    'SCION_PORT',
    'SCION_THREADS',
  ]);
  for (const problem of problems) t.match(problem, /^\w+ .+: .+\.$/s);
  t.notMatch(problems.join('\n'), /sesame|many|70000/);
});

t.test('an empty variable counts as unset', async (t) => {
  t.equal(readConfig({ ...least, SCION_PORT: '', SCION_OPERATOR_KEY: '' }).port, 7070);
});

t.test('what was read cannot be changed', async (t) => {
  const config = readConfig(least);
  t.ok(Object.isFrozen(config) && Object.isFrozen(config.store));
});

t.test('flags are true or false', async (t) => {
  t.equal(readConfig({ ...least, SCION_WEBHOOK_ALLOW_PRIVATE: 'true' }).allowPrivateWebhooks, true);
  t.equal(readConfig({ ...least, SCION_WEBHOOK_ALLOW_PRIVATE: 'false' }).allowPrivateWebhooks, false);
  t.match(problemsOf({ ...least, SCION_WEBHOOK_ALLOW_PRIVATE: 'perhaps' }), [/^SCION_WEBHOOK_ALLOW_PRIVATE/]);
  t.match(problemsOf({ ...least, S3_BUCKET: 'b', S3_FORCE_PATH_STYLE: 'perhaps' }), [/^S3_FORCE_PATH_STYLE/]);
});

t.test('origins are whole origins, without a path, or all', async (t) => {
  t.same(readConfig(least).corsOrigins, []);
  const both = 'https://app.example.com, http://localhost:3000';
  t.same(readConfig({ ...least, SCION_CORS_ORIGINS: both }).corsOrigins, both.split(', '));
  t.same(readConfig({ ...least, SCION_CORS_ORIGINS: '*' }).corsOrigins, ['*']);
  for (const odd of ['app.example.com', 'https://a.example/', 'https://a.example *', '*, https://a.example'])
    t.match(problemsOf({ ...least, SCION_CORS_ORIGINS: odd }), [/^SCION_CORS_ORIGINS/], odd);
});

t.test('no queue is so short that a request within the limits would be refused for ever', async (t) => {
  const needed = limits.predictRowsPerRequest + limits.labelsPerTask;
  t.equal(readConfig({ ...least, SCION_MAX_QUEUED_ROWS: `${needed}` }).maxQueuedRows, needed);
  t.match(problemsOf({ ...least, SCION_MAX_QUEUED_ROWS: `${needed - 1}` }), [
    /^SCION_MAX_QUEUED_ROWS must be >= /,
  ]);
});

t.test('every variable says its unit or form, and what changing it does', async (t) => {
  const all = ['SCION_CACHE_MB', 'SCION_MAX_QUEUED_ROWS', 'SCION_MAX_EVENT_LOOP_DELAY_MS', 'SCION_PORT'];
  for (const name of all)
    t.match(problemsOf({ ...least, [name]: 'x' })[0], /^\w+ must be integer: [A-Z].{20,}\.$/);
});
