import { AppError, type ModelRef } from '@scion/contracts';
import fc from 'fast-check';
import t from 'tap';
import { type AdapterKey, type AdapterLease, createAdapterCache } from '../index.js';
import type { ResidentAdapter } from './decode.js';

const keyOf = (user: string, version = 1): AdapterKey => ({
  tenantId: 'ten_a',
  task: 'triage',
  user,
  version,
  adapterSha256: 'a'.repeat(64),
});
/** Only what the cache looks at. */
const adapterOf = (bytes: number) => ({ bytes }) as ResidentAdapter;

/** Loads that end when the test says so. */
function controlled() {
  const open: { key: AdapterKey; resolve(adapter: ResidentAdapter): void; reject(error: Error): void }[] = [];
  return {
    open,
    load: (key: AdapterKey) =>
      new Promise<ResidentAdapter>((resolve, reject) => open.push({ key, resolve, reject })),
  };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

t.test('concurrent misses of one version load once, and later calls hit', async (t) => {
  const { open, load } = controlled();
  const cache = createAdapterCache({ budgetBytes: 100, load });
  const waiting = [1, 2, 3].map(() => cache.acquire(keyOf('ada')));
  await settled();
  t.equal(open.length, 1);
  const adapter = adapterOf(60);
  open[0].resolve(adapter);
  const leases = await Promise.all(waiting);
  for (const lease of leases) t.equal(lease.adapter, adapter);
  (await cache.acquire(keyOf('ada'))).release();
  t.match(cache.state(), { misses: 3, loads: 1, hits: 1, bytes: 60, entries: 1, evictions: 0 });
});

t.test('least recently used goes first, and hottest or coldest are listed first', async (t) => {
  const cache = createAdapterCache({ budgetBytes: 100, load: async () => adapterOf(40) });
  const use = async (user: string) => (await cache.acquire(keyOf(user))).release();
  await use('ada');
  await use('bea');
  await use('ada');
  await use('cid');
  t.strictSame(
    cache.state().resident.map(({ user }) => user),
    ['cid', 'ada'],
  );
  t.match(cache.state(), { bytes: 80, evictions: 1, loads: 3, hits: 1 });
  t.strictSame(
    cache.state().coldest.map(({ user }) => user),
    ['ada', 'cid'],
  );
});

t.test('a hint keeps what is there from being the next to go', async (t) => {
  const cache = createAdapterCache({ budgetBytes: 100, load: async () => adapterOf(40) });
  const use = async (user: string) => (await cache.acquire(keyOf(user))).release();
  await use('ada');
  await use('bea');
  await cache.prefetch(keyOf('ada'));
  await use('cid');
  t.strictSame(
    cache.state().resident.map(({ user }) => user),
    ['cid', 'ada'],
  );
  t.match(cache.state(), { loads: 3, hits: 0 });
});

t.test('of a full cache both ends are listed, and all of it is counted by tenant', async (t) => {
  const cache = createAdapterCache({ budgetBytes: 10_000, load: async () => adapterOf(10) });
  for (let user = 0; user < 250; user += 1) {
    const key = keyOf(String(user));
    (await cache.acquire(user % 5 === 0 ? { ...key, tenantId: 'ten_other' } : key)).release();
  }
  const { resident, coldest, tenants } = cache.state();
  t.same([resident.length, coldest.length], [100, 100]);
  t.same([resident[0].user, coldest[0].user, coldest[99].user], ['249', '0', '99']);
  t.same(
    tenants.map(({ bytes, entries }) => [bytes, entries]).sort(([a], [b]) => a - b),
    [
      [500, 50],
      [2_000, 200],
    ],
  );
});

t.test('a failed load rejects those who waited, and the next call tries again', async (t) => {
  const { open, load } = controlled();
  const cache = createAdapterCache({ budgetBytes: 100, load });
  const waiting = [cache.acquire(keyOf('ada')), cache.acquire(keyOf('ada'))];
  open[0].reject(new Error('no store'));
  for (const call of waiting) await t.rejects(call, { message: 'no store' });
  const again = cache.acquire(keyOf('ada'));
  open[1].resolve(adapterOf(10));
  (await again).release();
  t.match(cache.state(), { loads: 2, entries: 1 });
});

t.test('times are told of all loads, also of those that were under way together', async (t) => {
  const { open, load } = controlled();
  const taken: number[] = [];
  const cache = createAdapterCache({
    budgetBytes: 100,
    load,
    onLoaded: (seconds) => taken.push(seconds * 1_000),
  });
  const waiting = ['ada', 'bea', 'cid'].map((user) => cache.acquire(keyOf(user)));
  for (const [at, { resolve }] of open.entries()) {
    resolve(adapterOf(10));
    await waiting[at];
  }
  taken.sort((a, b) => a - b);
  const { loadP50Ms, loadP99Ms } = cache.state();
  t.ok(Math.abs(loadP50Ms! - taken[1]) < 1e-9, 'half of them took no longer');
  t.ok(Math.abs(loadP99Ms! - taken[2]) < 1e-9);
});

t.test(
  'a pinned adapter is never evicted; with everything pinned a call waits for room, in order',
  async (t) => {
    const sizes: Record<string, number> = { ada: 60, bea: 40, cid: 50, dan: 10 };
    const cache = createAdapterCache({ budgetBytes: 100, load: async ({ user }) => adapterOf(sizes[user]) });
    const ada = await cache.acquire(keyOf('ada'));
    const bea = await cache.acquire(keyOf('bea'));
    const admitted: string[] = [];
    const cid = cache.acquire(keyOf('cid')).then((lease) => {
      admitted.push('cid');
      return lease;
    });
    const dan = cache.acquire(keyOf('dan')).then((lease) => {
      admitted.push('dan');
      return lease;
    });
    await settled();
    t.strictSame(admitted, []);
    t.equal(cache.state().bytes, 100);
    bea.release();
    await settled();
    t.strictSame(admitted, [], '40 free bytes do not hold cid, and dan does not overtake it');
    ada.release();
    await Promise.all([cid, dan]);
    t.strictSame(admitted, ['cid', 'dan']);
    t.match(cache.state(), { bytes: 60, entries: 2, evictions: 2 });
  },
);

t.test('more waiting calls than allowed are told to come back', async (t) => {
  const cache = createAdapterCache({ budgetBytes: 100, load: async () => adapterOf(100), maxWaiting: 1 });
  const ada = await cache.acquire(keyOf('ada'));
  const bea = cache.acquire(keyOf('bea'));
  await settled();
  await t.rejects(cache.acquire(keyOf('cid')), { code: 'overloaded', retryAfterSeconds: 1 });
  ada.release();
  (await bea).release();
});

t.test('an adapter larger than the cache is refused and named as such', async (t) => {
  const cache = createAdapterCache({ budgetBytes: 100, load: async () => adapterOf(101) });
  await t.rejects(cache.acquire(keyOf('ada')), { code: 'internal', detail: /larger than the adapter cache/ });
  t.match(cache.state(), { bytes: 0, entries: 0 });
});

t.test('evicting a model drops all its versions and nobody else’s', async (t) => {
  const cache = createAdapterCache({ budgetBytes: 100, load: async () => adapterOf(10) });
  for (const key of [keyOf('ada', 1), keyOf('ada', 2), keyOf('ada2'), keyOf('bea')])
    (await cache.acquire(key)).release();
  cache.evict(keyOf('ada'));
  t.strictSame(
    cache.state().resident.map(({ user }) => user),
    ['bea', 'ada2'],
  );
});

t.test(
  'all are evicted, beyond those that are listed, those in use and those being loaded too',
  async (t) => {
    const { open, load } = controlled();
    const cache = createAdapterCache({ budgetBytes: 10_000, load });
    const acquire = async (key: AdapterKey) => {
      const asked = cache.acquire(key);
      open.pop()?.resolve(adapterOf(10));
      return asked;
    };
    for (let user = 0; user < 250; user += 1) (await acquire(keyOf(String(user)))).release();
    const used = await acquire(keyOf('used'));
    const loaded = cache.acquire(keyOf('loaded'));
    cache.evictAll();
    t.match(cache.state(), { entries: 1, bytes: 10 }, 'what is in use alone');
    open.pop()!.resolve(adapterOf(10));
    for (const lease of [used, await loaded]) lease.release();
    t.match(cache.state(), { entries: 0, bytes: 0 });
  },
);

t.test('evicted while pinned, it counts until released and is loaded anew', async (t) => {
  const cache = createAdapterCache({ budgetBytes: 100, load: async () => adapterOf(30) });
  const old = await cache.acquire(keyOf('ada'));
  cache.evict(keyOf('ada'));
  t.match(cache.state(), { bytes: 30, entries: 1 });
  const fresh = await cache.acquire(keyOf('ada'));
  t.not(fresh.adapter, old.adapter);
  t.match(cache.state(), { bytes: 60, entries: 2, loads: 2 });
  old.release();
  old.release();
  t.match(cache.state(), { bytes: 30, entries: 1 });
  fresh.release();
  (await cache.acquire(keyOf('ada'))).release();
  t.match(cache.state(), { loads: 2, hits: 1 });
});

t.test('evicted while loading, it serves those who waited and is not kept', async (t) => {
  const { open, load } = controlled();
  const cache = createAdapterCache({ budgetBytes: 100, load });
  const early = cache.acquire(keyOf('ada'));
  cache.evict(keyOf('ada'));
  const late = cache.acquire(keyOf('ada'));
  await settled();
  t.equal(open.length, 2, 'a call after the eviction does not join the load from before it');
  const [stale, fresh] = [adapterOf(10), adapterOf(20)];
  open[1].resolve(fresh);
  open[0].resolve(stale);
  t.equal((await early).adapter, stale);
  t.equal((await late).adapter, fresh);
  (await early).release();
  (await late).release();
  t.match(cache.state(), { bytes: 20, entries: 1 });
});

type Step = {
  kind: 'acquire' | 'prefetch' | 'finish' | 'fail' | 'release' | 'evict';
  user: number;
  pick: number;
};
const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom(
      ...([
        'acquire',
        'acquire',
        'prefetch',
        'finish',
        'finish',
        'release',
        'release',
        'evict',
        'fail',
      ] as const),
    ),
    user: fc.nat(5),
    pick: fc.nat(100),
  }),
  { maxLength: 60 },
);

t.test(
  'in any interleaving: the budget holds, pins hold, nobody gets another’s adapter, all waits end',
  async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        const { open, load } = controlled();
        const cache = createAdapterCache({ budgetBytes: 100, load });
        const leases: { user: string; lease: AdapterLease }[] = [];
        const made = new Map<ResidentAdapter, string>();
        let outstanding = 0;
        const check = () => {
          const { bytes, entries, resident } = cache.state();
          if (bytes > 100) throw new Error('over budget');
          if (bytes !== resident.reduce((sum, { bytes }) => sum + bytes, 0))
            throw new Error('bytes do not add up');
          const pinned = new Set(leases.map(({ lease }) => lease.adapter));
          const pinnedBytes = [...pinned].reduce((sum, { bytes }) => sum + bytes, 0);
          if (pinnedBytes > bytes || pinned.size > entries)
            throw new Error('a pinned adapter is not resident');
        };
        const finish = (pick: number) => {
          const [flight] = open.splice(pick % open.length, 1);
          // Sizes differ by user, and all fit alone.
          const adapter = adapterOf(15 + 14 * Number(flight.key.user));
          made.set(adapter, flight.key.user);
          flight.resolve(adapter);
        };
        for (const { kind, user, pick } of steps) {
          const name = String(user);
          if (kind === 'acquire') {
            outstanding += 1;
            cache.acquire(keyOf(name)).then(
              (lease) => {
                outstanding -= 1;
                if (made.get(lease.adapter) !== name) throw new Error('another’s adapter');
                leases.push({ user: name, lease });
              },
              (error: Error) => {
                outstanding -= 1;
                if (error.message !== 'x') throw error;
              },
            );
          } else if (kind === 'prefetch') {
            outstanding += 1;
            cache.prefetch(keyOf(name)).then(() => {
              outstanding -= 1;
            });
          } else if (kind === 'finish' && open.length > 0) finish(pick);
          else if (kind === 'fail' && open.length > 0)
            open.splice(pick % open.length, 1)[0].reject(new Error('x'));
          else if (kind === 'release' && leases.length > 0) {
            const [{ lease }] = leases.splice(pick % leases.length, 1);
            lease.release();
          } else if (kind === 'evict') cache.evict({ ...keyOf(name) } satisfies ModelRef);
          await settled();
          check();
        }
        // Let everything end: whoever waits must get in as the others leave.
        for (let round = 0; round < 400 && (outstanding > 0 || leases.length > 0); round += 1) {
          while (open.length > 0) finish(0);
          leases.splice(0).forEach(({ lease }) => {
            lease.release();
          });
          await settled();
          check();
        }
        if (outstanding > 0) throw new Error('a call waits for ever');
      }),
      { numRuns: 300 },
    );
  },
);

t.test(
  'refused bytes are not loaded again for a while, unless the model is evicted; other failures are not remembered',
  async (t) => {
    const errors = [
      new AppError('artifact_invalid', 'damaged'),
      new AppError('internal', 'the store is away'),
      new AppError('base_mismatch', 'other base'),
    ];
    let loads = 0;
    const load = async () => {
      loads += 1;
      const error = errors.shift();
      if (error) throw error;
      return adapterOf(10);
    };
    const cache = createAdapterCache({ budgetBytes: 100, load });
    for (let i = 0; i < 3; i += 1) await t.rejects(cache.acquire(keyOf('ada')), { code: 'artifact_invalid' });
    t.equal(loads, 1);
    t.equal(cache.state().refusals, 2);
    await t.rejects(cache.acquire(keyOf('bea')), { code: 'internal' });
    await t.rejects(cache.acquire(keyOf('bea')), { code: 'base_mismatch' });
    await t.rejects(cache.acquire(keyOf('bea')), { code: 'base_mismatch' });
    t.equal(loads, 3);
    cache.evict(keyOf('bea'));
    (await cache.acquire(keyOf('bea'))).release();
    t.equal(loads, 4);
  },
);

t.test('a hint that finds no room gives up; it takes no place of those who wait for theirs', async (t) => {
  const { open, load } = controlled();
  const cache = createAdapterCache({ budgetBytes: 100, load, maxWaiting: 1 });
  const land = () => open.shift()!.resolve(adapterOf(60));
  const asked = cache.acquire(keyOf('ada'));
  land();
  const ada = await asked;
  const hint = cache.prefetch(keyOf('bea'));
  land();
  await hint;
  const called = cache.acquire(keyOf('bea'));
  t.equal(open.length, 1, 'a call after it loads anew');
  land();
  await settled();
  t.equal(cache.state().entries, 1, 'and waits for room');
  ada.release();
  (await called).release();
  t.match(cache.state(), { loads: 3, entries: 1, bytes: 60 });
});

t.test('a call waits for room at whatever moment of a hint’s load it comes', async (t) => {
  for (let turns = 0; turns < 10; turns += 1) {
    const { open, load } = controlled();
    const cache = createAdapterCache({ budgetBytes: 100, load });
    const asked = cache.acquire(keyOf('ada'));
    open[0].resolve(adapterOf(60));
    const ada = await asked;
    const hint = cache.prefetch(keyOf('bea'));
    open[1].resolve(adapterOf(60));
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    const bea = cache.acquire(keyOf('bea'));
    open[2]?.resolve(adapterOf(60));
    await settled();
    ada.release();
    await hint;
    (await bea).release();
    t.equal(cache.state().entries, 1);
  }
});

t.test('a hint loads what is not there, waits for nothing, and never fails', async (t) => {
  const seconds: number[] = [];
  let loads = 0;
  const cache = createAdapterCache({
    budgetBytes: 100,
    async load(key) {
      loads += 1;
      if (key.user === 'bad') throw new Error('no store');
      return adapterOf(60);
    },
    onLoaded: (taken) => seconds.push(taken),
  });
  await cache.prefetch(keyOf('ada'));
  await cache.prefetch(keyOf('ada'));
  await cache.prefetch(keyOf('bad'));
  t.strictSame([loads, seconds.length], [2, 1]);
  const held = await cache.acquire(keyOf('ada'));
  t.equal(cache.state().hits, 1);
  const waiting = cache.acquire(keyOf('bea'));
  await settled();
  await cache.prefetch(keyOf('cid'));
  t.equal(loads, 3, 'with others waiting for room it does not join them');
  held.release();
  (await waiting).release();
});
