import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createIds } from '@scion/contracts';
import { createQueue } from '@scion/queue';
import { createRegistry } from '@scion/registry';
import { createFileStore } from '@scion/store';
import { startRedis } from '@scion/testkit';
import { Redis } from 'ioredis';
import t from 'tap';

const scion = fileURLToPath(new URL('../index.js', import.meta.url));
const run = (...args: string[]) =>
  promisify(execFile)(process.execPath, [scion, 'rebuild', ...args], { timeout: 20_000 });

t.test(
  'scion rebuild restores a Redis that holds nothing, waiting jobs with it and no paused ones',
  async (t) => {
    const server = await startRedis();
    const folder = await mkdtemp(join(tmpdir(), 'scion-rebuild-'));
    const store = await createFileStore({ root: join(folder, 'objects') });
    const redis = new Redis(server.path);
    const registry = await createRegistry({ store, redis, clock: Date.now, newId: createIds(Date.now) });
    const queue = createQueue({ connection: server.path, clock: Date.now });
    t.teardown(async () => {
      await registry.close();
      await queue.close();
      redis.disconnect();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    });
    const { id: tenantId } = await registry.tenants.create({ name: 'Orchard', weight: 3 });
    await registry.tasks.put(tenantId, 'inbox', {}, { base: 'b' });
    const { job } = await registry.jobs.create({ tenantId, task: 'inbox', user: 'ada' });
    const paused = await registry.jobs.create({ tenantId, task: 'inbox', user: 'bob' });
    await registry.jobs.requestPause(tenantId, paused.job.id);
    await registry.jobs.settlePause({ tenantId, task: 'inbox', user: 'bob', jobId: paused.job.id });

    await server.flush();
    const { stdout } = await run('--redis', server.path, '--data', folder);
    t.match(stdout, /^restored 1 tenants, .*2 jobs, 1 of them unfinished.* in [\d.]+ m?s\n$/);
    t.equal((await queue.counts()).training.waiting, 1);
    t.equal(await redis.hget(`{scion}:fair:tenant:${tenantId}`, 'weight'), '3', 'with its tenant’s share');
    t.notOk(await registry.ensureIndexed(), 'nothing is left to restore');
    t.same(
      (await registry.jobs.list(tenantId)).data.map(({ id }) => id),
      [paused.job.id, job.id],
    );
  },
);

t.test('what is missing is said in a line, with the remedy', async (t) => {
  await t.rejects(run('--redis', '/nowhere/redis.sock', '--data', '/nowhere'), {
    code: 5,
    stderr: /^scion: Redis does not answer: .*\n.*doctor.*\n$/,
  });
  await t.rejects(run('--data', '/nowhere'), {
    code: 2,
    stderr: /^scion: rebuild needs --redis <url> .*\n$/,
  });
});

t.test('a store that cannot be opened ends the process', async (t) => {
  const server = await startRedis();
  const folder = await mkdtemp(join(tmpdir(), 'scion-rebuild-'));
  t.teardown(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });
  const file = join(folder, 'file');
  await writeFile(file, '');
  await t.rejects(run('--redis', server.path, '--data', file), {
    code: 5,
    stderr: /^scion: The object folder cannot be read/,
  });
});
