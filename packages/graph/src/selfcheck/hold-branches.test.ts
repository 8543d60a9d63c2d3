import t from 'tap';
import {
  type Attribute,
  createBuilder,
  differentiate,
  floatTensor,
  numbersOf,
  type Value,
} from '../index.js';
import { openSession } from '../testing/open-session.js';
import { randomFrom } from '../testing/tiny-bert.js';
import { holdBranches, startInput } from './hold-branches.js';

const float = (value: number): Attribute => ({ kind: 'float', value });
const int = (value: number): Attribute => ({ kind: 'int', value });
const ints = (value: number[]): Attribute => ({ kind: 'ints', value });

/** What one node makes of x, an image of [1, 2, 4, 4], and of another like it. */
interface Kink {
  op: string;
  attributes?: Record<string, Attribute>;
  outputs?: number;
  /** Inputs after x. */
  more?: (b: ReturnType<typeof createBuilder>, other: Value) => Value[];
  /** Not linear within a branch. */
  curved?: true;
}

const bound = (value: number) => (b: ReturnType<typeof createBuilder>) =>
  b.initializer(`at${value}`, floatTensor([value], []));
const axes = (b: ReturnType<typeof createBuilder>) =>
  b.initializer('axes', {
    type: 'int64',
    dims: [2],
    data: new Uint8Array(new BigInt64Array([1n, 3n]).buffer),
  });
const kinks: Kink[] = [
  { op: 'Relu' },
  { op: 'LeakyRelu', attributes: { alpha: float(0.2) } },
  { op: 'Abs' },
  { op: 'Clip', more: (b) => [bound(-0.4)(b), bound(0.5)(b)] },
  { op: 'Clip', more: (b) => ['', bound(0.3)(b)] },
  { op: 'HardSigmoid', attributes: { alpha: float(0.7), beta: float(0.4) } },
  { op: 'HardSwish', curved: true },
  { op: 'Max', more: (_, other) => [other] },
  { op: 'Min', more: (_, other) => [other] },
  { op: 'ReduceMax', attributes: { keepdims: int(0) }, more: (b) => [axes(b)] },
  { op: 'ReduceMin' },
  {
    op: 'MaxPool',
    attributes: { kernel_shape: ints([2, 2]), strides: ints([1, 2]), pads: ints([1, 0, 0, 0]) },
  },
  { op: 'GlobalMaxPool' },
];

/** loss = Σ w·op(5·parameters): at this scale each of the operators takes all of its branches. */
function modelOf({ op, attributes = {}, more }: Kink) {
  const b = createBuilder({ name: op });
  const random = randomFrom(3);
  const noise = (dims: number[]) =>
    floatTensor(
      Float32Array.from({ length: dims.reduce((a, c) => a * c, 1) }, () => random() * 2 - 1),
      dims,
    );
  const parameters = b.input('parameters', 'float32', [1, 64]);
  const both = b.scale(b.reshape(parameters, [2, 2, 4, 4]), 5);
  const [x, other] = b.node('Split', [both], { outputs: 2, attributes: { num_outputs: int(2) } });
  const y = b.node(op, [x, ...(more?.(b, other) ?? [])], { attributes });
  const flat = b.reshape(y, [-1]);
  const weights = b.slice(
    b.initializer('weights', noise([32])),
    b.initializer('from', { type: 'int64', dims: [1], data: new Uint8Array(8) }),
    b.shape(flat, 0, 1),
    [0],
  );
  b.output(b.reduceSum(b.mul(flat, weights), [0], false), 'float32', [], 'loss');
  return { model: b.build(), at: noise([1, 64]), way: noise([1, 64]) };
}

for (const kink of kinks) {
  t.test(
    `${kink.op}${kink.more ? ' with more inputs' : ''}: held at its branches it has the same gradient, and no kink`,
    async (t) => {
      const { model, at, way } = modelOf(kink);
      const session = await openSession(holdBranches(model));
      t.teardown(() => session.close());
      const plain = await openSession(model);
      t.teardown(() => plain.close());
      const moved = (step: number) => {
        const direction = numbersOf(way);
        return floatTensor(
          numbersOf(at).map((value, i) => value + step * direction[i]),
          [1, 64],
        );
      };
      const heldLoss = async (step: number) =>
        numbersOf((await session.run({ parameters: moved(step), [startInput]: at })).loss)[0];
      const plainLoss = async (step: number) =>
        numbersOf((await plain.run({ parameters: moved(step) })).loss)[0];

      const near = (a: number, b: number, what: string) =>
        t.ok(Math.abs(a - b) < 2e-4 * Math.max(1, Math.abs(b)), `${what}: ${a}, ${b}`);
      near(await heldLoss(0), await plainLoss(0), 'the loss at the start');

      const feeds = { parameters: at };
      const { graph, gradients } = await differentiate(model, {
        ...{ loss: 'loss', wrt: ['parameters'], feeds: [feeds, feeds], open: openSession },
      });
      const gradient = gradients.get('parameters') ?? '';
      const derived = await openSession({
        ...model,
        graph: { ...graph, outputs: [{ name: gradient, type: 'float32' }] },
      });
      const answers = await derived.run(feeds);
      await derived.close();
      const direction = numbersOf(way);
      const slope = numbersOf(answers[gradient]).reduce((sum, value, i) => sum + value * direction[i], 0);

      const step = 0.5;
      const [ahead, behind] = [await heldLoss(step), await heldLoss(-step)];
      near((ahead - behind) / (2 * step), slope, 'the slope over a long step');
      if (!kink.curved) near(ahead - (await heldLoss(0)), step * slope, 'a straight line');
      // Unless the operator itself bends over such a step, the test would show nothing.
      const unheld = ((await plainLoss(step)) - (await plainLoss(-step))) / (2 * step);
      t.ok(Math.abs(unheld - slope) > 0.01, `the operator itself tells another slope: ${unheld}, ${slope}`);
    },
  );
}

t.test('a model without kinks is left as it is', async (t) => {
  const b = createBuilder({ name: 'smooth' });
  const parameters = b.input('parameters', 'float32', [1, 3]);
  b.output(b.reduceSum(b.tanh(parameters), [0, 1], false), 'float32', [], 'loss');
  const model = b.build();
  t.same(holdBranches(model).graph.nodes, model.graph.nodes);
});
