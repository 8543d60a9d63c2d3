import fc from 'fast-check';
import t from 'tap';
import { estimateTokens } from '../estimate-tokens.js';
import { featuresOf } from '../features.js';
import type { HeadData } from '../head/fit-head.js';
import type { ThreadWork } from '../thread/protocol.js';
import { createScheduler, type SchedulerOptions } from './scheduler.js';
import type { Threads } from './threads.js';

interface Running {
  work: ThreadWork;
  /** Answers features: of each text, its length. */
  finish(): void;
  fail(): void;
}

/**
 * Threads that end their work when the test says so, and a clock that it advances.
 * @param tokensOf a text's length to the base
 */
function setup(
  size = 2,
  options: Partial<SchedulerOptions> = {},
  tokensOf = (text: string) => estimateTokens(text, 64),
) {
  const running: Running[] = [];
  const timers: (() => void)[] = [];
  /** Those that are set for longer than rows wait for company. */
  const alarms: { ms: number; ring(): void }[] = [];
  const time = { now: 0 };
  const threads: Threads = {
    size,
    idle: () => size - running.length,
    run: ((work: ThreadWork) =>
      new Promise<unknown>((resolve, reject) => {
        const end = (act: () => void) => () => {
          running.splice(running.indexOf(entry), 1);
          act();
          scheduler.wake();
        };
        const entry: Running = {
          work,
          finish: end(() =>
            resolve(
              work.kind === 'rows'
                ? work.rows.map(({ input }) => ({
                    values: Float32Array.of((input as string).length),
                    tokens: tokensOf(input as string),
                  }))
                : 'fitted',
            ),
          ),
          fail: end(() => reject(new Error('broken'))),
        };
        running.push(entry);
      })) as Threads['run'],
  };
  const inner = createScheduler({
    threads,
    maxTokens: 64,
    maxTokensPerRun: 256,
    maxQueuedRows: 50,
    now: () => time.now,
    after: (ms, ring) => (ms > 100 ? alarms.push({ ms, ring }) : timers.push(ring)),
    ...options,
  });
  const scheduler = {
    ...inner,
    features: (texts: string[], call: Parameters<typeof inner.run>[1] = {}) => featuresOf(inner, texts, call),
  };
  const textsOf = ({ work }: Running) =>
    work.kind === 'rows' ? work.rows.map(({ input }) => input as string) : [work.kind];
  /** Ends whatever runs, and what follows it, until nothing is left. */
  const drain = async () => {
    for (let quiet = 0; quiet < 3; ) {
      await turn();
      for (const timer of timers.splice(0)) timer();
      quiet = running.length === 0 && timers.length === 0 ? quiet + 1 : 0;
      for (const entry of [...running]) entry.finish();
    }
  };
  return { scheduler, running, timers, alarms, textsOf, time, drain };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));
const data = { features: new Float32Array(1) } as HeadData;

t.test('calls of one turn are run together, and each gets its own rows in its own order', async (t) => {
  const { scheduler, running, textsOf } = setup(1);
  const a = scheduler.features(['a', 'aaaaaaaaaaaaa', 'aa']);
  const b = scheduler.features(['bbbb']);
  await turn();
  t.equal(running.length, 1);
  t.equal(textsOf(running[0]).length, 4);
  running[0].finish();
  t.strictSame([...(await a)], [1, 13, 2]);
  t.strictSame([...(await b)], [4]);
  t.strictSame([...(await scheduler.features([]))], []);
});

t.test('what waits is shared over idle threads', async (t) => {
  const { scheduler, running, textsOf } = setup(2);
  const call = scheduler.features(Array.from({ length: 10 }, () => 'x'.repeat(40)));
  await turn();
  t.strictSame(running.map((entry) => textsOf(entry).length).sort(), [5, 5]);
  for (const entry of [...running]) entry.finish();
  t.equal((await call).length, 10);
});

t.test('a lone call never waits for company; while calls come thick one may, for the window', async (t) => {
  const { scheduler, running, timers, textsOf, time } = setup(1);
  const settle = async (...calls: Promise<unknown>[]) => {
    running[0].finish();
    await Promise.all(calls);
  };
  for (let call = 0; call < 20; call += 1) {
    const lone = scheduler.features(['a']);
    await turn();
    t.equal(running.length, 1);
    await settle(lone);
    time.now += 5;
  }
  const crowd = Array.from({ length: 30 }, () => scheduler.features(['a']));
  await turn();
  t.equal(running.length, 0, 'they wait, with a thread idle');
  time.now += 2;
  timers.shift()!();
  await settle(...crowd);
  const third = scheduler.features(['c']);
  await turn();
  const fourth = scheduler.features(['d']);
  timers.shift()!();
  t.strictSame(textsOf(running[0]), ['c', 'd']);
  await settle(third, fourth);
  time.now += 100;
  const later = scheduler.features(['e']);
  await turn();
  await settle(later);
});

t.test('a full run does not wait for company', async (t) => {
  const { scheduler, running, drain } = setup(1);
  const crowd = Array.from({ length: 40 }, () => scheduler.features(['x'.repeat(100)]));
  await turn();
  t.equal(running.length, 1);
  await drain();
  await Promise.all(crowd);
});

t.test('predictions go before jobs, yet a job gets its turn under any load', async (t) => {
  const { scheduler, running, timers, textsOf, drain } = setup(1);
  const first = scheduler.features(['p']);
  await turn();
  const job = scheduler.features(['job'], { bulk: true });
  const calls: Promise<unknown>[] = [first];
  const order: string[] = [];
  for (let round = 0; round < 6; round += 1) {
    calls.push(scheduler.features(['p']));
    running[0].finish();
    await turn();
    for (const timer of timers.splice(0)) timer();
    order.push(textsOf(running[0])[0]);
  }
  t.strictSame(order, ['p', 'p', 'p', 'job', 'p', 'p']);
  running[0].finish();
  await turn();
  await drain();
  await Promise.all([...calls, job]);
});

t.test('jobs take turns, and a job’s batches do not hang on what else goes on', async (t) => {
  const { scheduler, running, textsOf } = setup(1);
  const texts = Array.from({ length: 40 }, (_, i) => 'x'.repeat(i * 5));
  const batches = async (disturb: boolean) => {
    const call = scheduler.features(texts, { bulk: true });
    const other = disturb ? scheduler.features(['y'.repeat(99), 'y'], { bulk: true }) : Promise.resolve();
    const seen: string[][] = [];
    await turn();
    while (running.length > 0) {
      const batch = textsOf(running[0]);
      if (!batch[0].startsWith('y')) seen.push(batch);
      running[0].finish();
      await turn();
    }
    t.strictSame(
      [...(await call)],
      texts.map(({ length }) => length),
    );
    await other;
    return seen;
  };
  const alone = await batches(false);
  t.ok(alone.length > 3);
  t.strictSame(await batches(true), alone);
});

t.test('beyond the bound a call is refused with a time to come back; jobs are not', async (t) => {
  const { scheduler, drain } = setup(1, { maxQueuedRows: 3, maxTokensPerRun: 4 });
  const calls = [scheduler.features(['a', 'b', 'c'])];
  t.equal(scheduler.queuedRows(), 3);
  await t.rejects(scheduler.features(['d']), { code: 'overloaded', retryAfterSeconds: 1 });
  calls.push(scheduler.features(['e'], { bulk: true }));
  await turn();
  await drain();
  await Promise.all(calls);
  t.equal(scheduler.queuedRows(), 0);
});

t.test('an aborted call leaves the queue at once, and its runs are not followed by others', async (t) => {
  const { scheduler, running } = setup(1, { maxTokensPerRun: 4 });
  const abort = new AbortController();
  const call = scheduler.features(['a', 'b', 'c'], { signal: abort.signal });
  await turn();
  const reason = new Error('gone');
  abort.abort(reason);
  await t.rejects(call, reason);
  t.equal(scheduler.queuedRows(), 0);
  running[0].finish();
  await turn();
  t.equal(running.length, 0);
  await t.rejects(scheduler.features(['a'], { signal: abort.signal }), reason);
  await t.rejects(scheduler.fit({ ...data }, { seed: 1, signal: abort.signal }), reason);
});

t.test('a run that fails rejects the calls in it and no other', async (t) => {
  const { scheduler, running } = setup(1);
  const doomed = [scheduler.features(['a']), scheduler.features(['b'])];
  await turn();
  const later = scheduler.features(['c']);
  running[0].fail();
  for (const call of doomed) await t.rejects(call, { message: 'broken' });
  await turn();
  running[0]?.finish();
  // The calls before came together, so this one may wait for the window.
  t.ok(await Promise.race([later.then(() => true), turn().then(() => true)]));
});

t.test('fits leave a thread for predictions where there is more than one', async (t) => {
  const { scheduler, running, drain } = setup(3);
  const fits = [1, 2, 3].map((seed) => scheduler.fit({ ...data }, { seed }));
  await turn();
  t.equal(running.length, 2);
  const call = scheduler.features(['a']);
  await turn();
  t.equal(running.length, 3);
  running[2].finish();
  await call;
  await drain();
  await Promise.all(fits);
});

t.test('an aborted fit rejects at once and raises the flag that its thread looks at', async (t) => {
  const { scheduler, running } = setup(1);
  const abort = new AbortController();
  const first = scheduler.fit({ ...data }, { seed: 1, signal: abort.signal });
  const waiting = scheduler.fit({ ...data }, { seed: 2, signal: abort.signal });
  await turn();
  abort.abort();
  await t.rejects(first, { name: 'AbortError' });
  await t.rejects(waiting, { name: 'AbortError' });
  const [{ work }] = running;
  t.equal(work.kind === 'fit' && new Int32Array(work.cancelled)[0], 1);
  running[0].fail();
  await turn();
  t.equal(running.length, 0, 'the one that waited never starts');
});

t.test('closed, it rejects what waits and what comes', async (t) => {
  const { scheduler } = setup(1);
  const calls: Promise<unknown>[] = [
    scheduler.features(['a']),
    scheduler.features(['b'], { bulk: true }),
    scheduler.fit({ ...data }, { seed: 1 }),
  ];
  scheduler.close();
  for (const call of [...calls, scheduler.features(['c'])]) await t.rejects(call, { code: 'not_ready' });
});

t.test('in any interleaving every call ends, with its own rows', async () => {
  const step = fc.record({
    kind: fc.constantFrom('call', 'call', 'bulk', 'finish', 'finish', 'turn', 'timer', 'abort'),
    lengths: fc.array(fc.nat(300), { minLength: 1, maxLength: 8 }),
    pick: fc.nat(50),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, size) => {
        const { scheduler, running, timers, drain } = setup(size, { maxQueuedRows: 1_000 });
        const aborts: AbortController[] = [];
        const calls: Promise<boolean>[] = [];
        for (const { kind, lengths, pick } of steps) {
          if (kind === 'call' || kind === 'bulk') {
            const abort = new AbortController();
            aborts.push(abort);
            const texts = lengths.map((length) => 'x'.repeat(length));
            calls.push(
              scheduler.features(texts, { bulk: kind === 'bulk', signal: abort.signal }).then(
                (out) => lengths.every((length, row) => out[row] === length) && out.length === lengths.length,
                () => abort.signal.aborted,
              ),
            );
          } else if (kind === 'finish' && running.length > 0) running[pick % running.length].finish();
          else if (kind === 'timer') timers.shift()?.();
          else if (kind === 'abort' && aborts.length > 0) aborts[pick % aborts.length].abort();
          else await turn();
        }
        await drain();
        if (scheduler.queuedRows() !== 0) throw new Error('rows are counted that do not wait');
        return (await Promise.all(calls)).every(Boolean);
      },
    ),
    { numRuns: 200 },
  );
});

t.test(
  'a tenant that floods the queue keeps no other out, and the other is served in the next run',
  async (t) => {
    const { scheduler, running, textsOf } = setup(1, { maxQueuedRows: 8, maxTokensPerRun: 8 });
    const calls = [
      scheduler.features(
        Array.from({ length: 8 }, () => 'a'),
        { flow: 'crowd' },
      ),
    ];
    await turn();
    await t.rejects(scheduler.features(['a', 'a', 'a'], { flow: 'crowd' }), { code: 'overloaded' });
    calls.push(scheduler.features(['b', 'b', 'b'], { flow: 'other' }));
    await t.rejects(scheduler.features(['b', 'b', 'b'], { flow: 'other' }), { code: 'overloaded' });
    running[0].finish();
    await turn();
    t.ok(textsOf(running[0]).includes('b'));
    while (running.length > 0) {
      running[0].finish();
      await turn();
    }
    await Promise.all(calls);
  },
);

t.test('whoever has less than its share is let in, and no more wait than the shares add up to', async (t) => {
  const maxQueuedRows = 500;
  const { scheduler, drain } = setup(1, { maxQueuedRows, maxWaitMs: 1e6 });
  const calls: Promise<unknown>[] = [];
  let most = 0;
  for (let flows = 1; flows <= 50; flows += 1) {
    const share = Math.floor(maxQueuedRows / flows);
    const flow = `tenant ${flows}`;
    const rows = (count: number) => Array.from({ length: count }, () => 'a');
    await t.rejects(scheduler.features(rows(share + 1), { flow }), { code: 'overloaded' });
    calls.push(scheduler.features(rows(share), { flow }));
    most += maxQueuedRows / flows;
  }
  t.ok(scheduler.queuedRows() > 4 * maxQueuedRows && scheduler.queuedRows() <= most);
  await drain();
  await Promise.all(calls);
});

t.test('a flow whose rows take longer than thought gets less of what follows', async (t) => {
  const { scheduler, running, textsOf, time, drain } = setup(1, { maxTokensPerRun: 4 });
  const calls = ['slow', 'fast'].map((flow) =>
    scheduler.features(
      Array.from({ length: 20 }, () => flow),
      { flow },
    ),
  );
  const served: Record<string, number> = { slow: 0, fast: 0 };
  await turn();
  for (let run = 0; run < 22; run += 1) {
    const [flow] = textsOf(running[0]);
    served[flow] += 1;
    time.now += flow === 'slow' ? 100 : 10;
    running[0].finish();
    await turn();
  }
  t.ok(served.fast > 4 * served.slow, JSON.stringify(served));
  await drain();
  await Promise.all(calls);
});

t.test('tenants share threads by the tokens of their texts, however many characters make one', async (t) => {
  // Estimated alike, so that they share runs.
  const tokensOf = (text: string) => ({ dense: 60, plain: 17, loose: 5 })[text.trim()]!;
  for (const others of [['plain'], ['loose'], ['plain', 'loose']]) {
    const { scheduler, running, textsOf, time, drain } = setup(
      1,
      { maxQueuedRows: 9_000, maxWaitMs: 1e6 },
      tokensOf,
    );
    const flows = ['dense', ...others];
    const calls = flows.map((flow) =>
      scheduler.features(
        Array.from({ length: 2_000 }, () => flow.padEnd(60)),
        { flow },
      ),
    );
    const served = Object.fromEntries(flows.map((flow) => [flow, 0]));
    await turn();
    for (let run = 0; run < 60; run += 1) {
      for (const text of textsOf(running[0])) {
        served[text.trim()] += tokensOf(text);
        time.now += 0.3 * tokensOf(text);
      }
      running[0].finish();
      await turn();
    }
    const shares = Object.values(served);
    t.ok(Math.max(...shares) < 1.2 * Math.min(...shares), JSON.stringify(served));
    await drain();
    await Promise.all(calls);
  }
});

t.test('rows that no thread took up in time are refused, with a time to come back', async (t) => {
  const { scheduler, running, time } = setup(1, { maxWaitMs: 1_000, maxTokensPerRun: 4 });
  const first = scheduler.features(['a']);
  await turn();
  const late = t.rejects(scheduler.features(['b', 'c']), { code: 'overloaded', retryAfterSeconds: 1 });
  time.now += 1_001;
  const soon = scheduler.features(['d']);
  await turn();
  await late;
  running[0].finish();
  await first;
  await turn();
  running[0].finish();
  await soon;
  t.equal(scheduler.queuedRows(), 0);
});

t.test('a prediction that was begun is answered, however long the rest of it waits', async (t) => {
  const { scheduler, running, time } = setup(1, { maxWaitMs: 1_000, maxTokensPerRun: 4 });
  const call = scheduler.features(['a', 'bb', 'ccc']);
  await turn();
  while (running.length > 0) {
    time.now += 5_000;
    running[0].finish();
    await turn();
  }
  t.strictSame([...(await call)], [1, 2, 3]);
});

t.test(
  'under overload whoever is let in is answered, and who would wait too long is told at once',
  async (t) => {
    const { scheduler, running, time } = setup(2, { maxWaitMs: 5_000, maxQueuedRows: 10_000 });
    // 64 tokens a row at 0.3 ms each: 4.9 s of one thread.
    const texts = Array.from({ length: 256 }, () => 'x'.repeat(1_000));
    const calls = ['a', 'b', 'c'].map((flow) => scheduler.features(texts, { flow }));
    await t.rejects(scheduler.features(texts, { flow: 'd' }), {
      code: 'overloaded',
      detail: /would keep it waiting for more than 5000 ms; try again later\.$/,
      retryAfterSeconds: 3,
    });
    calls.push(scheduler.features(['a few'], { flow: 'd' }));
    await turn();
    while (running.length > 0) {
      time.now += 0.15 * 256;
      running[0].finish();
      await turn();
    }
    t.ok(time.now > 7_000, 'later than who waits for a thread may wait');
    t.strictSame(
      (await Promise.all(calls)).map(({ length }) => length),
      [256, 256, 256, 1],
    );
  },
);

t.test(
  'after a time of short lone calls long ones are not thought to take longer than they do',
  async (t) => {
    const { scheduler, running, time, drain } = setup(1, { maxWaitMs: 5_000, maxQueuedRows: 1_000 });
    for (let call = 0; call < 100; call += 1) {
      const lone = scheduler.features(['a']);
      await turn();
      // Its run's fixed cost and three tokens.
      time.now += 0.2 * (12 + 3);
      running[0].finish();
      await lone;
      time.now += 50;
    }
    // 64 tokens a row at 0.2 ms each: 3.3 s.
    const rows = Array.from({ length: 256 }, () => 'x'.repeat(1_000));
    const calls = [scheduler.features(rows), scheduler.features(rows)];
    await drain();
    t.equal((await Promise.all(calls)).length, 2);
  },
);

t.test('a prediction of any length is let in where nothing waits', async (t) => {
  const { scheduler, drain } = setup(1, { maxWaitMs: 10, maxQueuedRows: 256 });
  const call = scheduler.features(Array.from({ length: 256 }, () => 'x'.repeat(1_000)));
  await drain();
  t.equal((await call).length, 256);
});

t.test(
  'a flow with more waiting than can be done in time is refused more of it, and no other flow is',
  async (t) => {
    const { scheduler, drain } = setup(1, { maxWaitMs: 100, maxQueuedRows: 10_000 });
    const rows = Array.from({ length: 10 }, () => 'x'.repeat(1_000));
    const calls = [scheduler.features(rows, { flow: 'crowd' })];
    await t.rejects(scheduler.features(['x'], { flow: 'crowd' }), { code: 'overloaded' });
    calls.push(scheduler.features(['x'], { flow: 'other' }));
    await drain();
    await Promise.all(calls);
  },
);

t.test(
  'a prediction in several calls is let in as one, and answered once a thread has begun it',
  async (t) => {
    const { scheduler, running, time } = setup(1, { maxWaitMs: 1_000, maxQueuedRows: 4, maxTokensPerRun: 4 });
    const part = { input: 'xxxx', answer: 'features' as const };
    t.throws(() => scheduler.admit([part], { flow: 'a', times: 9, atOnce: 5 }), { code: 'overloaded' });
    const admission = scheduler.admit([part], { flow: 'a', times: 9, atOnce: 3 });
    const calls = Array.from({ length: 9 }, () => scheduler.run([part], { flow: 'a', admission }));
    await turn();
    while (running.length > 0) {
      time.now += 1_001;
      running[0].finish();
      await turn();
    }
    t.strictSame(
      (await Promise.all(calls)).map(([{ values }]) => values[0]),
      calls.map(() => 4),
    );
    const late = scheduler.admit([part], { flow: 'a', times: 2, atOnce: 2 });
    const busy = scheduler.features(['b']);
    await turn();
    const refused = [1, 2].map(() => scheduler.run([part], { flow: 'a', admission: late }));
    time.now += 1_001;
    running[0].finish();
    for (const call of refused) await t.rejects(call, { code: 'overloaded' });
    await busy;
  },
);

t.test('rows are refused in time though no thread ends its work and no further call comes', async (t) => {
  const { scheduler, running, alarms, time } = setup(1, { maxWaitMs: 1_000 });
  const first = scheduler.features(['a']);
  await turn();
  t.same(alarms, [], 'who waits for nothing needs no alarm');
  const lone = t.rejects(scheduler.features(['b']), { code: 'overloaded' });
  await turn();
  time.now += 400;
  const second = t.rejects(scheduler.features(['c']), { code: 'overloaded' });
  await turn();
  t.equal(alarms.length, 1, 'one alarm is enough for all');
  for (const left of [1, 0]) {
    const { ms, ring } = alarms.shift()!;
    time.now += left === 1 ? ms - 400 : ms;
    ring();
    await [second, lone][left];
    t.equal(scheduler.queuedRows(), left);
  }
  t.same(alarms, []);
  running[0].finish();
  await first;
});
