import type { JobLogLine } from '@scion/contracts';
import { Redis } from 'ioredis';
import t from 'tap';
import { createWorld } from './testing/world.js';

const line = (message: string): JobLogLine => ({
  ...{ at: '2026-01-01T00:00:00.000Z', level: 'info', attempt: 1, message, fields: {} },
});

t.test('of a job’s lines the newest 200 are kept, in order, for a week', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const { logs } = world.queue();
  for (let n = 1; n <= 203; n += 1) await logs.append('job_a', line(String(n)));
  const kept = await logs.read('job_a');
  t.same(
    kept.map(({ message }) => Number(message)),
    Array.from({ length: 200 }, (_, index) => index + 4),
  );
  const redis = new Redis(world.server.path);
  const left = await redis.ttl('{scion}:logs:job_a');
  redis.disconnect();
  t.ok(left > 6 * 86_400 && left <= 7 * 86_400, `${left} s`);
  t.same(await logs.read('job_b'), []);
});

t.test('a job that is forgotten leaves no lines', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const queue = world.queue();
  await queue.logs.append('job_a', line('x'));
  t.ok(await queue.forget('job_a'));
  t.same(await queue.logs.read('job_a'), []);
});
