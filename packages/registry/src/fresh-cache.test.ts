import assert from 'node:assert/strict';
import { createTestClock } from '@scion/testkit';
import fc from 'fast-check';
import t from 'tap';
import { createFreshCache, type FreshCache } from './fresh-cache.js';

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

t.test('large values are bounded by their bytes, and none stays when it is too old', async (t) => {
  const weighed = (ttlMs: number) =>
    createFreshCache<string>({ clock: () => 0, ttlMs, maxBytes: 100, bytesOf: (value) => value.length });
  const has = async (cache: FreshCache<string>, key: string): Promise<boolean> => {
    const value = await cache.get(key, async () => 'read again');
    cache.invalidate(key);
    return value !== 'read again';
  };
  const cache = weighed(60_000);
  for (const key of ['a', 'b', 'c']) await cache.get(key, async () => key.repeat(40));
  t.equal(await cache.get('d', async () => 'd'.repeat(101)), 'd'.repeat(101));
  t.notOk(await has(cache, 'd'), 'what never fits is not kept');
  t.ok(await has(cache, 'b'));
  t.ok(await has(cache, 'c'));
  t.notOk(await has(cache, 'a'), 'the third did not fit beside the first two');

  const brief = weighed(5);
  await brief.get('e', async () => 'e');
  // Set later and for longer, this timer ends after the cache's.
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.notOk(await has(brief, 'e'), 'although by the clock given it would still do');
});
