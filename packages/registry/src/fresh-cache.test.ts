import assert from 'node:assert/strict';
import { createTestClock } from '@scion/testkit';
import fc from 'fast-check';
import t from 'tap';
import { createFreshCache } from './fresh-cache.js';

t.test(
  'whatever the order of reads, writes, waits and invalidations, no value is older than its bound',
  async () => {
    const step = fc.oneof(
      fc.record({ type: fc.constant('read' as const) }),
      fc.record({ type: fc.constant('slow-read' as const) }),
      fc.record({ type: fc.constant('answer' as const) }),
      fc.record({ type: fc.constant('write' as const) }),
      fc.record({ type: fc.constant('announced-write' as const) }),
      fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 1_500 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const clock = createTestClock(0);
        const cache = createFreshCache<number>({ clock, ttlMs: 1_000, max: 10 });
        // The source counts its writes; `since[n]` is when write n + 1 replaced n.
        let source = 0;
        let invalidBefore = 0;
        const since: number[] = [];
        const unanswered: (() => void)[] = [];
        const checks: Promise<void>[] = [];
        const read = (load: () => Promise<number>): void => {
          const [askedAt, floor] = [clock(), invalidBefore];
          checks.push(
            cache.get('k', load).then((value) => {
              const replacedAt = since[value] ?? Number.POSITIVE_INFINITY;
              assert.ok(replacedAt >= askedAt - 1_000, 'at most 1 s behind when it was asked for');
              assert.ok(value >= floor, 'nothing from before an invalidation');
            }),
          );
        };
        for (const action of steps) {
          if (action.type === 'read') read(async () => source);
          else if (action.type === 'slow-read') {
            read(() => {
              const seen = source;
              return new Promise((resolve) => unanswered.push(() => resolve(seen)));
            });
          } else if (action.type === 'answer') unanswered.shift()?.();
          else if (action.type === 'wait') clock.advance(action.ms);
          else {
            since[source] = clock();
            source += 1;
            if (action.type === 'announced-write') {
              cache.invalidate('k');
              invalidBefore = source;
            }
          }
          await new Promise(setImmediate);
        }
        for (const answer of unanswered) answer();
        await Promise.all(checks);
      }),
      { numRuns: 200 },
    );
  },
);

t.test('concurrent misses load once, and a failure is not kept', async (t) => {
  const cache = createFreshCache<number>({ clock: () => 0, ttlMs: 1_000, max: 10 });
  let loads = 0;
  const load = async (): Promise<number> => {
    loads += 1;
    if (loads === 1) throw new Error('away');
    return loads;
  };
  const failed = await Promise.allSettled([cache.get('k', load), cache.get('k', load)]);
  t.match(failed, [{ status: 'rejected' }, { status: 'rejected' }]);
  t.same(await Promise.all([cache.get('k', load), cache.get('k', load)]), [2, 2]);
  t.equal(loads, 2);
});

t.test('a clock set back does not make a value immortal', async (t) => {
  let now = 10_000;
  const cache = createFreshCache<number>({ clock: () => now, ttlMs: 1_000, max: 10 });
  t.equal(await cache.get('k', async () => 1), 1);
  now = 0;
  t.equal(await cache.get('k', async () => 2), 2);
});
