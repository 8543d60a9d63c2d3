import t from 'tap';
import {
  createBuilder,
  type Feeds,
  floatTensor,
  importModel,
  numbersOf,
  registerTraining,
  type Tensor,
  writeModel,
} from '../index.js';
import { openSession } from '../testing/open-session.js';
import { randomFrom } from '../testing/tiny-bert.js';

const halves = (bits: number[], dims: number[], type: 'float16' | 'bfloat16' = 'float16'): Tensor => ({
  type,
  dims,
  data: new Uint8Array(Uint16Array.from(bits).buffer),
});

/** y = tanh((x·W + b)·s) in half precision; the bias in bfloat16 by way of a Cast, the scale from ConstantOfShape. */
function halfModel() {
  const b = createBuilder({ name: 'half' });
  const x = b.input('x', 'float16', ['rows', 2]);
  // 1, 2, −0.5, 0.25
  const weight = b.initializer('w', halves([0x3c00, 0x4000, 0xb800, 0x3400], [2, 2]));
  // 0.5, −1
  const bias = b.cast(b.initializer('b', halves([0x3f00, 0xbf80], [2], 'bfloat16')), 'float16');
  const scale = b.node('ConstantOfShape', [b.shape(weight, 0, 1)], {
    attributes: { value: { kind: 'tensor', value: halves([0x3800], [1]) } },
  });
  const layer = b.mul(b.add(b.matmul(x, weight, 'layer'), bias), scale);
  b.output(b.tanh(layer, 'features'), 'float16', ['rows', 2]);
  return writeModel(b.build()).model;
}

t.test('a half-precision file is imported as float32, and computes the same', async (t) => {
  const model = importModel(halfModel());
  const types = [...model.graph.inputs, ...model.graph.outputs, ...model.graph.initializers.values()];
  t.notOk(
    types.some(({ type }) => /float16/.test(type)),
    'nothing of it is half precision',
  );
  const session = await openSession(model);
  const answers = await session.run({ x: floatTensor([1, 2, -3, 4], [2, 2]) });
  await session.close();
  const wanted = [(1 - 1 + 0.5) / 2, (2 + 0.5 - 1) / 2, (-3 - 2 + 0.5) / 2, (-6 + 1 - 1) / 2].map(Math.tanh);
  for (const [i, value] of numbersOf(answers[model.graph.outputs[0].name]).entries()) {
    t.ok(Math.abs(value - wanted[i]) < 1e-6, `${value} is ${wanted[i]}`);
  }
});

t.test('a half-precision file trains', async (t) => {
  const { training, report } = await registerTraining(
    importModel(halfModel()),
    {
      adapters: [{ kind: 'lora', targets: 'layer', rank: 1, alpha: 1 }],
      head: { kind: 'linear' },
      pooling: 'none',
      loss: { kind: 'softmax' },
    },
    { open: openSession, random: randomFrom(4) },
  );
  t.ok(report.passed, report.text);
  const session = await openSession(training.step);
  const all: Feeds = training.sample({ users: 1, rowsPerUser: 4, tokens: 1, labels: 2 });
  const { loss } = await session.run(
    Object.fromEntries(training.step.graph.inputs.map(({ name }) => [name, all[name]])),
  );
  await session.close();
  t.ok(Number.isFinite(numbersOf(loss)[0]));
});
