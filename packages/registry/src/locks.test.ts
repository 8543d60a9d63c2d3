import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Redis } from 'ioredis';
import t from 'tap';
import { createLocks } from './locks.js';
import { createWorld } from './testing/world.js';

t.test('locks', async (t) => {
  const world = await createWorld();
  t.teardown(world.close);
  const other = new Redis(world.server.connect());
  t.teardown(() => other.disconnect());
  const here = createLocks({ redis: world.redis, lifeMs: 10_000, waitMs: 10_000 });
  const there = createLocks({ redis: other, lifeMs: 10_000, waitMs: 10_000 });

  await t.test('of holders in one process and in two, one is inside at a time', async (t) => {
    let inside = 0;
    let worst = 0;
    await Promise.all(
      Array.from({ length: 30 }, (_, at) =>
        (at % 2 ? here : there).hold('a', async () => {
          worst = Math.max(worst, ++inside);
          await new Promise(setImmediate);
          inside -= 1;
        }),
      ),
    );
    t.equal(worst, 1);
    t.equal(await world.redis.exists('{scion}:lock:a'), 0);
  });

  await t.test('a holder that throws frees the lock and passes its error on', async (t) => {
    await t.rejects(
      here.hold('b', async () => {
        throw new Error('inner');
      }),
      { message: 'inner' },
    );
    t.equal(await there.hold('b', async () => 'free'), 'free');
  });

  await t.test('a lock that stays busy is refused as retryable', async (t) => {
    await world.redis.set('{scion}:lock:c', 'a dead process');
    await t.rejects(
      here.hold('c', async () => {}, { waitMs: 0 }),
      { code: 'overloaded', retryable: true },
    );
  });

  await t.test('whoever waits in line is refused in time, and keeps its place for nobody', async (t) => {
    const order: string[] = [];
    let leave = () => {};
    let first: Promise<void> | undefined;
    await new Promise<void>((inside) => {
      first = here.hold('g', () => {
        inside();
        return new Promise<void>((done) => (leave = done));
      });
    });
    const impatient = here.hold('g', async () => void order.push('impatient'), { waitMs: 5 });
    const patient = here.hold('g', async () => void order.push('patient'));
    await t.rejects(impatient, { code: 'overloaded', retryable: true }, 'while the first is still inside');
    t.same(order, []);
    leave();
    await Promise.all([first, patient]);
    t.same(order, ['patient']);
  });

  await t.test('a line that never empties keeps nothing of those who have left it', async (t) => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const results: WeakRef<object>[] = [];
    let done = () => {};
    const ended = new Promise<void>((resolve) => (done = resolve));
    /** Each has the next one in line behind it before it leaves. */
    const line = (more: number): Promise<object> =>
      here.hold('i', async () => {
        if (more > 0) void line(more - 1);
        else {
          await new Promise(setImmediate);
          collectGarbage();
          t.same(
            results.map((result) => result.deref()),
            [undefined, undefined, undefined],
          );
          done();
        }
        const result = {};
        results.push(new WeakRef(result));
        return result;
      });
    void line(3);
    await ended;
  });

  await t.test('the time in line and the time for the lock are one', async (t) => {
    await world.redis.set('{scion}:lock:h', 'a dead process');
    const first = here.hold('h', async () => 'in');
    await t.rejects(
      here.hold('h', async () => {}, { waitMs: 5 }),
      { code: 'overloaded' },
    );
    await world.redis.del('{scion}:lock:h');
    t.equal(await first, 'in');
  });

  await t.test('what a dead process left expires', async (t) => {
    await world.redis.set('{scion}:lock:d', 'a dead process', 'PX', 20);
    t.equal(await here.hold('d', async () => 'in'), 'in');
  });

  await t.test('a holder whose lock went to another does not free it', async (t) => {
    await here.hold('e', async ({ key, token }) => {
      t.equal(await world.redis.get(key), token);
      await world.redis.set(key, 'another');
    });
    t.equal(await world.redis.get('{scion}:lock:e'), 'another');
  });

  await t.test('a long holder keeps its lock', async (t) => {
    const short = createLocks({ redis: world.redis, lifeMs: 60, waitMs: 10_000 });
    await short.hold('f', async ({ key }) => {
      // Longer than its life: the renewals must have come in between.
      let lowest = 60;
      let highest = 0;
      for (let seen = 0; seen < 40; seen += 1) {
        const left = await world.redis.pttl(key);
        if (left > lowest) highest = Math.max(highest, left);
        lowest = Math.min(lowest, left);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      t.ok(highest > lowest, 'its remaining life has grown again');
    });
  });
});
