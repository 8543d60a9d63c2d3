import t from 'tap';
import {
  buildTrainingGraph,
  createBuilder,
  type Feeds,
  floatTensor,
  int64Tensor,
  type Model,
  numbersOf,
} from '../index.js';
import { openSession } from '../testing/open-session.js';

async function run(model: Model, feeds: Feeds) {
  const session = await openSession(model);
  const wanted = Object.fromEntries(model.graph.inputs.map(({ name }) => [name, feeds[name]]));
  const answers = await session.run(wanted);
  await session.close();
  return Object.fromEntries(Object.entries(answers).map(([name, tensor]) => [name, numbersOf(tensor)]));
}

t.test(
  'dropout repeats for the same seed, differs for another, and silences the share it is told',
  async (t) => {
    const b = createBuilder({ name: 'wide' });
    const x = b.input('x', 'float32', ['rows', 64]);
    const weight = b.initializer('w', floatTensor(new Float32Array(64 * 64).fill(0), [64, 64]));
    b.output(b.matmul(x, weight, 'layer'), 'float32', ['rows', 64]);
    const training = await buildTrainingGraph(
      b.build(),
      {
        adapters: [{ kind: 'lora', targets: 'layer', rank: 64, alpha: 64, dropout: 0.25 }],
        head: { kind: 'none' },
        pooling: 'none',
        loss: { kind: 'squared' },
      },
      openSession,
    );
    // A and B identity: the scores are the dropped-out input itself.
    const identity = Array.from({ length: 64 * 64 }, (_, i) => (i % 65 === 0 ? 1 : 0));
    const rows = 200;
    const feeds = (seed: number): Feeds => ({
      x: floatTensor(new Float32Array(rows * 64).fill(0.75), [rows, 64]),
      parameters: floatTensor([...identity, ...identity], [1, 2 * 64 * 64]),
      targets: floatTensor(new Float32Array(rows * 64), [rows, 64]),
      row_weights: floatTensor(new Float32Array(rows).fill(1)),
      seed: int64Tensor([seed]),
    });
    const [first, again, other] = [
      await run(training.forward, feeds(1)),
      await run(training.forward, feeds(1)),
      await run(training.forward, feeds(2)),
    ];
    t.strictSame(first.scores, again.scores);
    const values = first.scores;
    t.ok(
      values.every((value) => value === 0 || Math.abs(value - 1) < 1e-6),
      'silenced, or grown by 1/(1 − rate)',
    );
    const share = values.filter((value) => value === 0).length / values.length;
    t.ok(Math.abs(share - 0.25) < 0.02, `silenced ${share}`);
    const both = values.filter((value, i) => value === 0 && other.scores[i] === 0).length / values.length;
    t.ok(Math.abs(both - 0.0625) < 0.015, `independent of another seed: ${both}`);
    const neighbours =
      values.filter((value, i) => i % 64 > 0 && value === 0 && values[i - 1] === 0).length / (rows * 63);
    t.ok(Math.abs(neighbours - 0.0625) < 0.015, `and of the neighbouring feature: ${neighbours}`);
    const below =
      values.filter((value, i) => i >= 64 && value === 0 && values[i - 64] === 0).length / ((rows - 1) * 64);
    t.ok(Math.abs(below - 0.0625) < 0.015, `and of the neighbouring row: ${below}`);
  },
);
