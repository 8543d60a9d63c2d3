import t from 'tap';
import { LORA_SETTINGS } from '../index.js';
import type { TrainSlice, TrainSliceResult } from '../thread/protocol.js';
import { createTrainer, type FitRows } from './trainer.js';

const settings = { ...LORA_SETTINGS, epochs: 3, batchRows: 2 };

/** Threads that step without learning, and project each row to its own number, 8 bytes of it. */
function stubThreads() {
  const slices: TrainSlice[] = [];
  return {
    slices,
    size: 1,
    prepare: async () => ({ parameters: [], groups: [], size: 0 }) as never,
    async train(slice: TrainSlice): Promise<TrainSliceResult> {
      // As it is when it is sent: a message is a copy.
      slices.push(structuredClone(slice));
      const rows = slice.steps.map((step) => step.flatMap((own) => own.rows));
      return {
        states: slice.users.map(({ state }) => ({ ...state, step: state.step + slice.steps.length })),
        losses: slice.steps.map((step) => step.map(() => 0)),
        computed: rows.flatMap((own, step) =>
          own.flatMap(({ projections, hidden }, row) =>
            projections || !slice.keepProjections
              ? []
              : [{ step, row, projections: Float32Array.of(hidden[0], hidden[0]) }],
          ),
        ),
      };
    },
  };
}

/** So long that a slice is one step. */
const rowsOf = (first: number, count: number, tokens = 600): FitRows => ({
  trunk: Array.from({ length: count }, (_, i) => ({
    tokens,
    hidden: Float32Array.of(first + i),
    pooled: new Float32Array(),
  })),
  targets: {
    kind: 'classification',
    outputs: 2,
    values: Float32Array.from({ length: 2 * count }, (_, i) => i % 2),
  },
  weights: new Float32Array(count).fill(1),
});

async function train(trainer: ReturnType<typeof createTrainer>, rows: FitRows, members: number[]) {
  const empty = new Float32Array();
  const from = { step: 0, parameters: empty, firstMoment: empty, secondMoment: empty };
  const until = (members.length / settings.batchRows) * settings.epochs;
  return trainer.fit({ rows, members: Int32Array.from(members), from, until, settings, seed: 1 });
}

/** How often each row came with projections and without, by the number in its hidden states. */
function seen(slices: TrainSlice[]) {
  const counts = new Map<number, { with: number; without: number }>();
  for (const { projections, hidden } of slices
    .flatMap(({ steps }) => steps.flat(2))
    .flatMap((own) => own.rows)) {
    const count = counts.get(hidden[0]) ?? { with: 0, without: 0 };
    counts.set(hidden[0], count);
    count[projections ? 'with' : 'without'] += 1;
    if (projections) t.equal(projections[0], hidden[0], 'its own');
  }
  return counts;
}

t.test(
  'what a row is projected to is computed once for all epochs and fits of a job, and of no other job',
  async (t) => {
    const threads = stubThreads();
    const trainer = createTrainer(threads);
    const rows = rowsOf(0, 6);
    await train(trainer, rows, [0, 1, 2, 3]);
    await train(trainer, rows, [2, 3, 4, 5]);
    await train(trainer, rowsOf(100, 4), [0, 1, 2, 3]);
    const counts = seen(threads.slices);
    for (const [row, { with: known, without }] of counts) {
      t.equal(without, 1, `row ${row}`);
      t.equal(known, (row === 2 || row === 3 ? 2 : 1) * settings.epochs - 1, `row ${row}`);
    }
    t.equal(counts.size, 10);
  },
);

t.test('jobs that share runs keep each its own', async (t) => {
  const threads = stubThreads();
  const trainer = createTrainer(threads);
  const members = [...Array(8).keys()];
  await Promise.all([0, 100, 200].map((first) => train(trainer, rowsOf(first, 8, 8), members)));
  t.ok(
    threads.slices.some(({ users }) => users.length > 1),
    'they did share',
  );
  const counts = seen(threads.slices);
  t.equal(counts.size, 24);
  for (const [row, count] of counts)
    t.strictSame(count, { with: settings.epochs - 1, without: 1 }, `row ${row}`);
});

t.test('beyond the budget of a job the threads compute further ones each time', async (t) => {
  const threads = stubThreads();
  await train(createTrainer(threads, 20), rowsOf(0, 8), [...Array(8).keys()]);
  const kept = [...seen(threads.slices).values()].filter((count) => count.with > 0);
  t.equal(kept.length, 2, 'as many as have room');
});
