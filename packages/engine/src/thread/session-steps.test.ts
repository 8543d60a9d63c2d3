import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTrainingGraph, initialParameters, parameterCount, writeModel } from '@scion/graph';
import { InferenceSession } from 'onnxruntime-node';
import t from 'tap';
import { createRandom } from '../head/random.js';
import { registerBase } from '../index.js';
import { trainingOptions } from '../lora/training-base.js';
import { writeTinyBert } from '../testing/tiny-bert.js';
import type { FitState, TrainSlice, TrainStep } from './protocol.js';
import { createProjections } from './session-projections.js';
import { createSteps } from './session-steps.js';
import { openForProbing, openTraining, readPlaced } from './session-training.js';

const root = mkdtempSync(join(tmpdir(), 'scion-steps-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
const baseDir = join(root, 'base');
await writeTinyBert(join(root, 'tiny'));
const { hiddenSize, sites } = await registerBase({
  folder: join(root, 'tiny'),
  outDir: baseDir,
  name: 'tiny',
});
const setup = { trainingPath: join(baseDir, 'training.onnx'), hiddenSize, sites };
const graph = { kind: 'classification', rank: 2 } as const;
const random = createRandom(11);
const numbers = (length: number) => Float32Array.from({ length }, () => random() - 0.5);

/** The training step as it was derived, with nothing taken out of it. */
async function openWhole() {
  const { model } = await readPlaced(setup.trainingPath);
  const options = trainingOptions(graph.kind, sites, graph.rank);
  const { step, layout } = await buildTrainingGraph(model, options, openForProbing);
  const session = await InferenceSession.create(writeModel(step).model, { intraOpNumThreads: 1 });
  return createSteps(session, createProjections(undefined, [], hiddenSize), { layout, hiddenSize });
}

t.test(
  'with what it needs of a row kept from before, a step gives what the whole graph gives, to the bit',
  async (t) => {
    const split = await openTraining(setup, graph);
    const whole = await openWhole();
    const size = parameterCount(split.layout, 3);
    const user = () => ({
      ...{ outputs: 3, adapterScale: 2, labelSmoothing: 0.1, weightDecay: 0.01, clipNorm: 1 },
      state: {
        ...{ step: 0, firstMoment: new Float32Array(size), secondMoment: new Float32Array(size) },
        // B as well, which starts at zero: else the first step would not tell queries from values.
        parameters: initialParameters(split.layout, 3, random).map((value) => value + random() - 0.5),
      },
    });
    const step = (): TrainStep => ({
      tokens: 8,
      // Shorter than the batch but for one, each of another length.
      rows: [8, 2, 5, 7].map((tokens) => ({
        ...{ tokens, hidden: numbers(tokens * hiddenSize), pooled: numbers(0) },
      })),
      targets: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0),
      weights: Float32Array.of(1, 0.5, 2, 1),
      ...{ adapterRate: 0.02, headRate: 0.01 },
    });
    const users = [user(), user()];
    const steps = [0, 1, 2].map(() => users.map(step));
    const slice: TrainSlice = { graph, users, steps, keepProjections: true };
    const bytesOf = ({ parameters, firstMoment, secondMoment }: FitState) =>
      [parameters, firstMoment, secondMoment].map((values) => Buffer.from(values.buffer).toString('hex'));
    const wanted = await whole.run(slice);
    const first = await split.run(slice);
    t.strictSame(first.losses, wanted.losses);
    t.strictSame(first.states.map(bytesOf), wanted.states.map(bytesOf));

    t.equal(first.computed.length, 24);
    for (const { step: at, row, projections } of first.computed) {
      t.ok(projections.buffer instanceof SharedArrayBuffer);
      steps[at]!.flatMap(({ rows }) => rows)[row]!.projections = projections;
    }
    const again = await split.run(slice);
    t.strictSame(again.computed, []);
    t.strictSame(again.states.map(bytesOf), wanted.states.map(bytesOf));

    // Each alone, and computed anew.
    for (const [at, own] of users.entries()) {
      const rows = steps.map((both) => [
        { ...both[at]!, rows: both[at]!.rows.map((row) => ({ ...row, projections: undefined })) },
      ]);
      const { states, computed } = await split.run({
        graph,
        users: [own],
        steps: rows,
        keepProjections: false,
      });
      t.strictSame(states.map(bytesOf), [bytesOf(wanted.states[at]!)]);
      t.strictSame(computed, []);
    }
    await split.close();
    await whole.close();
  },
);

t.test('what a power cut left of derived files is derived again', async (t) => {
  const { layout, close } = await openTraining(setup, graph);
  await close();
  for (const end of ['r2.onnx', 'r2-projections.onnx']) {
    const [name] = readdirSync(baseDir).filter((file) => file.endsWith(end));
    truncateSync(join(baseDir, name!), 0);
    const opened = await openTraining(setup, graph);
    t.strictSame(opened.layout, layout);
    await opened.close();
    t.ok(readFileSync(join(baseDir, name!)).byteLength > 0, end);
  }
});
