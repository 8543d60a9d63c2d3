import fc from 'fast-check';
import t from 'tap';
import { createFairModel, type FairModel, type ModelJob } from '../testing/fair-model.js';

interface Run {
  job: ModelJob;
  endsAt: number;
  seconds: number;
}

/** Serves a model on `slots` workers in simulated time until `stop` says so; `started` sees every job in order. */
function serve(
  model: FairModel,
  slots: number,
  secondsOf: (job: ModelJob) => number,
  started: (job: ModelJob, at: number) => boolean,
): void {
  const running: Run[] = [];
  let now = 0;
  for (;;) {
    for (const job of model.admit(slots)) {
      const seconds = secondsOf(job);
      running.push({ job, endsAt: now + seconds, seconds });
      if (started(job, now)) return;
    }
    running.sort((a, b) => a.endsAt - b.endsAt);
    const next = running.shift();
    if (!next) return;
    now = next.endsAt;
    model.end(next.job, next.seconds);
  }
}

const tenants = fc.array(
  fc.record({ weight: fc.constantFrom(0.5, 1, 2, 3), seconds: fc.constantFrom(0.5, 1, 2, 4) }),
  { minLength: 2, maxLength: 4 },
);

t.test('backlogged tenants get time in proportion to their weights, whatever their jobs cost', async (t) => {
  fc.assert(
    fc.property(tenants, fc.integer({ min: 1, max: 4 }), (all, slots) => {
      const model = createFairModel();
      all.forEach(({ weight }, at) => {
        for (let n = 0; n < 1_500; n += 1)
          model.enqueue({ id: `${at}.${n}`, tenant: `t${at}`, level: 0 }, { weight });
      });
      const served = all.map(() => 0);
      const left = all.map(() => 1_500);
      serve(
        model,
        slots,
        ({ tenant }) => all[Number(tenant.slice(1))]?.seconds ?? 0,
        ({ tenant }) => {
          const at = Number(tenant.slice(1));
          served[at] = (served[at] ?? 0) + (all[at]?.seconds ?? 0);
          left[at] = (left[at] ?? 0) - 1;
          return served.reduce((sum, one) => sum + one) >= 300 || left[at] === 0;
        },
      );
      // SFQ: the normalized service of two backlogged flows differs by at most l/r of each, here for each slot.
      const longest = 4 / 0.5;
      const share = all.map(({ weight }, at) => (served[at] ?? 0) / weight);
      return Math.max(...share) - Math.min(...share) <= 2 * longest * (slots + 1);
    }),
    { numRuns: 40 },
  );
  t.pass();
});

t.test('a tenant that arrives waits for at most one job of each worker', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 60 }),
      fc.constantFrom<0 | 1>(0, 1),
      fc.array(fc.constantFrom<0 | 1>(0, 1), { minLength: 100, maxLength: 100 }),
      fc.array(fc.constantFrom(0.001, 0.1, 1, 30), { minLength: 7, maxLength: 7 }),
      (slots, after, level, levels, seconds) => {
        const model = createFairModel();
        levels.forEach((own, n) => {
          model.enqueue({ id: `a${n}`, tenant: 'a', level: own });
        });
        let count = 0;
        let arrived = -1;
        let waited = -1;
        serve(
          model,
          slots,
          () => seconds[count % 7] ?? 1,
          (job) => {
            count += 1;
            if (job.tenant === 'b') waited = count - arrived - 1;
            if (arrived < 0 && count > after) {
              arrived = count;
              model.enqueue({ id: 'b', tenant: 'b', level });
            }
            return waited >= 0;
          },
        );
        return waited >= 0 && waited <= slots;
      },
    ),
    { numRuns: 200 },
  );
  t.pass();
});

t.test('no job waits for ever: every one starts, bulk under a flood of interactive ones too', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.constantFrom('a', 'b'), (slots, tenant) => {
      const model = createFairModel();
      model.enqueue({ id: 'bulk 1', tenant, level: 1 });
      model.enqueue({ id: 'bulk 2', tenant, level: 1 });
      for (let n = 0; n < 5; n += 1) model.enqueue({ id: `flood ${n}`, tenant: 'a', level: 0 });
      let more = 5;
      let before = 0;
      const seen = new Set<string>();
      serve(
        model,
        slots,
        () => 1,
        ({ id }) => {
          if (id.startsWith('bulk')) seen.add(id);
          else {
            before += 1;
            // As many interactive jobs come as go.
            more += 1;
            model.enqueue({ id: `flood ${more}`, tenant: 'a', level: 0 });
          }
          return seen.size === 2 || before > 100;
        },
      );
      return seen.size === 2 && before <= 8 + 2 * slots;
    }),
  );
  t.pass();
});

t.test('a tenant never has more jobs at once than its cap, and others use the rest', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 2, max: 6 }), (cap, slots) => {
      const model = createFairModel();
      for (let n = 0; n < 20; n += 1) model.enqueue({ id: `a${n}`, tenant: 'a', level: 0 }, { cap });
      for (let n = 0; n < 20; n += 1) model.enqueue({ id: `b${n}`, tenant: 'b', level: 0 });
      const first = model.admit(slots);
      const capped = first.filter(({ tenant }) => tenant === 'a').length;
      return capped <= cap && first.length === slots;
    }),
  );
  t.pass();
});
