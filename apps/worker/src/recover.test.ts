import t from 'tap';
import { createWorld } from './testing/world.js';

const world = await createWorld();
t.teardown(() => world.close());
t.setTimeout(120_000);
const { registry, tenantId, server } = world;

t.test('jobs and events that Redis lost are found again in the bucket', async (t) => {
  const first = await world.spawnWorker({ env: { SCION_GRACE_SECONDS: '0' } });
  const arrived = await world.requestJob(await world.addExamples('arrived'));
  await world.posts(arrived);

  world.answer = () => 503;
  const refused = await world.requestJob(await world.addExamples('refused'));
  const before = await world.posts(refused);
  first.child.kill('SIGTERM');
  await first.exited;
  const waiting = await world.requestJob(await world.addExamples('waiting'));

  await server.flush();
  world.answer = () => 204;
  await world.spawnWorker();
  t.match(await world.ended(waiting), { state: 'succeeded', version: 1 });
  const after = await world.posts(refused, before.length + 1);
  t.equal(new Set(after.map(({ eventId }) => eventId)).size, 1, 'under the id it had');
  t.equal((await world.posts(waiting)).length, 1);
  t.equal((await world.posts(arrived)).length, 1, 'what has arrived is not sent again');
  t.equal((await registry.jobs.get(tenantId, arrived.id)).state, 'succeeded');
});

t.test('a worker whose supervisor is gone ends by itself', async (t) => {
  const worker = await world.spawnWorker();
  worker.child.disconnect();
  t.same(await worker.exited, { code: 0, signal: null });
});

t.test('a worker ends in bounded time though Redis is away', async (t) => {
  const worker = await world.spawnWorker({ env: { SCION_GRACE_SECONDS: '0' } });
  await server.kill('SIGKILL');
  worker.child.kill('SIGTERM');
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<string>((done) => {
    timer = setTimeout(() => done('still there after 30 s'), 30_000);
  });
  const end = await Promise.race([worker.exited, tooLate]);
  clearTimeout(timer);
  t.match(end, { signal: null });
  await server.restart();
});
