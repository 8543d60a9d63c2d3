import { startRedis } from '@scion/testkit';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import t from 'tap';
import { createPredictQuota } from './predict-quota.js';

const server = await startRedis();
const redis = new Redis({ path: server.path });
t.teardown(async () => {
  redis.disconnect();
  await server.close();
});
const time = { now: 0 };
const quota = createPredictQuota({
  redis,
  clock: () => time.now * 1_000,
  rowsPerMinute: 10,
  onUnavailable(error) {
    throw error;
  },
});

t.test('whatever is asked for and when, what is granted is what a list of all takings grants', async () => {
  let tenants = 0;
  const step = fc.record({
    // Mostly within the window; now and then beyond it, and as another process's slower clock has it.
    seconds: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constantFrom(59, 60, 61, 119, 120, 500, -3)),
    rows: fc.integer({ min: 0, max: 7 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      tenants += 1;
      const tenant = `ten_${tenants}`;
      time.now = 1_000_000;
      let furthest = time.now;
      const taken: { at: number; rows: number }[] = [];
      for (const { seconds, rows } of steps) {
        time.now += seconds;
        furthest = Math.max(furthest, time.now);
        // What has left the window for one process has left it for all.
        const inWindow = taken.filter(({ at }) => at > furthest - 60);
        const used = inWindow.reduce((sum, own) => sum + own.rows, 0);
        const granted = used + rows <= 10;
        const state = await quota.take(tenant, rows);
        if (state.granted !== granted) return false;
        if (granted) taken.push({ at: time.now, rows });
        if (granted ? state.remaining !== 10 - used - rows : state.remaining !== 10 - used) return false;
        if (granted) continue;
        // When the wait is over there is room, and not a second before.
        const usedAfter = (wait: number) =>
          inWindow.reduce((sum, own) => sum + (own.at > time.now + wait - 60 ? own.rows : 0), 0);
        if (usedAfter(state.resetSeconds) + rows > 10) return false;
        if (usedAfter(state.resetSeconds - 1) + rows <= 10) return false;
      }
      return (await quota.used(tenant)) !== null;
    }),
    { numRuns: 200 },
  );
});

t.test('a clock far ahead leaves nobody refused once it is set right', async (t) => {
  time.now = 2_000_000;
  t.equal((await quota.take('ten_ahead', 10)).granted, true);
  time.now -= 10_000;
  t.equal((await quota.take('ten_ahead', 10)).granted, true);
  t.equal((await quota.take('ten_ahead', 1)).granted, false);
});

t.test('what nobody asks for any more is kept for a minute', async (t) => {
  time.now = 3_000_000;
  await quota.used('ten_idle');
  t.equal(await redis.exists('{scion}:quota:predict:ten_idle'), 0, 'looking leaves nothing');
  await quota.take('ten_idle', 1);
  const seconds = await redis.ttl('{scion}:quota:predict:ten_idle');
  t.ok(seconds > 0 && seconds <= 61, `${seconds} s`);
});
