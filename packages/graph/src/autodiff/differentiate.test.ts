import t from 'tap';
import {
  type Builder,
  createBuilder,
  differentiate,
  type Feeds,
  findPath,
  floatTensor,
  GraphError,
  numbersOf,
} from '../index.js';
import { openSession } from '../testing/open-session.js';

const feeds = (values: number[]): Feeds => ({ x: floatTensor(values) });

async function gradientAt(
  build: (b: ReturnType<typeof createBuilder>, x: string) => string,
  values: number[],
) {
  const b = createBuilder({ name: 'test' });
  const x = b.input('x', 'float32', ['n']);
  const loss = build(b, x);
  b.output(loss, 'float32');
  const model = b.build();
  const before = JSON.stringify(model.graph.nodes);
  const { graph, gradients, visited } = await differentiate(model, {
    loss,
    wrt: ['x'],
    feeds: [feeds(values), feeds([...values, 1])],
    open: openSession,
  });
  t.equal(JSON.stringify(model.graph.nodes), before, 'the model given is left as it was');
  const name = gradients.get('x') ?? '';
  const session = await openSession({ ...model, graph: { ...graph, outputs: [{ name, type: 'float32' }] } });
  const answers = await session.run(feeds(values));
  await session.close();
  return { gradient: numbersOf(answers[name]), visited, nodes: graph.nodes };
}

t.test('a value used several times takes the sum of what every use sends back', async (t) => {
  // L = Σ x³ + 2x² + x, written as products: dL/dx = 3x² + 4x + 1.
  const { gradient } = await gradientAt(
    (b, x) => {
      const square = b.mul(x, x);
      return b.reduceSum(b.add(b.add(b.mul(square, x), b.scale(square, 2)), x), [0], false);
    },
    [1, 2, -1],
  );
  t.strictSame(gradient, [8, 21, 0]);
});

t.test('a loss of several elements is summed', async (t) => {
  const { gradient } = await gradientAt((b, x) => b.mul(x, x), [3, 4]);
  t.strictSame(gradient, [6, 8]);
});

t.test('only nodes between the parameter and the loss are visited', async (t) => {
  const { gradient, visited } = await gradientAt(
    (b, x) => {
      const constant = b.node('Exp', [b.shared('one', () => floatTensor([0]))]);
      b.node('Exp', [x]); // leads nowhere
      const floor = b.node('Floor', [x]); // flat
      return b.reduceSum(b.mul(b.mul(x, floor), constant), [0], false);
    },
    [1.5, 2.5],
  );
  t.strictSame(gradient, [1, 2]);
  t.equal(visited, 3, 'two products and the sum');
});

t.test(
  'conditions, shapes and whole numbers carry no gradient, whatever they are computed from',
  async (t) => {
    const { gradient } = await gradientAt(
      (b, x) => {
        const nan = b.node('IsNaN', [x]);
        const size = b.cast(b.node('Size', [x]), 'float32');
        return b.reduceSum(b.mul(b.node('Where', [nan, size, x]), size), [0], false);
      },
      [1, 2],
    );
    t.strictSame(gradient, [2, 2]);
  },
);

t.test('a missing rule is refused with every operator and node that lacks one', async (t) => {
  const b = createBuilder({ name: 'test' });
  const x = b.input('x', 'float32', [3]);
  const loss = b.node('Det', [b.node('Einsum', [x], { name: 'layer.3.einsum' })], { name: 'the.end' });
  b.output(loss, 'float32');
  t.throws(() => findPath(b.build().graph, loss, ['x']), {
    code: 'no_gradient',
    message: 'no gradient rule for Einsum (node "layer.3.einsum"), Det (node "the.end")',
  });
  t.throws(() => findPath(b.build().graph, loss, ['x']), GraphError);
});

t.test('a parameter that the loss does not see is refused', async (t) => {
  await t.rejects(
    gradientAt(
      (b, x) => {
        b.node('Exp', [x]);
        return b.shared('one', () => floatTensor([1]));
      },
      [1],
    ),
    { code: 'no_gradient', message: /does not depend on "x"/ },
  );
});

t.test('a loss that depends on a second output is refused, also where it depends on the first', async (t) => {
  for (const used of [[1], [0, 1], [0, 2]]) {
    await t.rejects(
      gradientAt(
        (b, x) => {
          const gain = b.shared('gain', () => floatTensor([1]));
          const outputs = b.node('LayerNormalization', [x, gain], { name: 'norm', outputs: 3 });
          const sums = used.map((i) => b.reduceSum(outputs[i], [0], false));
          return b.node('Sum', sums);
        },
        [1, 2],
      ),
      { code: 'no_gradient', message: /LayerNormalization \(node "norm"\): only its first output/ },
    );
  }
});

t.test('dropout passes the gradient on only where it is known to be the identity', async (t) => {
  const dropped = (training: (b: Builder) => string) =>
    gradientAt(
      (b, x) => {
        const ratio = b.shared('ratio', () => floatTensor([0.5], []));
        return b.reduceSum(b.node('Dropout', [x, ratio, training(b)]), [0], false);
      },
      [1, 2],
    );
  const flag = (value: number) => (b: Builder) =>
    b.shared('training', () => ({ type: 'bool', dims: [], data: Uint8Array.of(value) }));
  t.strictSame((await dropped(() => '')).gradient, [1, 1]);
  t.strictSame((await dropped(flag(0))).gradient, [1, 1]);
  await t.rejects(dropped(flag(1)), { code: 'no_gradient', message: /Dropout .* training mode/ });
});

t.test('equal computations are emitted once', async (t) => {
  const { nodes } = await gradientAt((b, x) => b.reduceSum(b.mul(b.tanh(x), b.tanh(x)), [0], false), [1]);
  const keys = nodes.map(({ op, inputs, attributes }) => JSON.stringify([op, inputs, attributes]));
  // The forward graph is as given; its two equal tanh are the writer's own.
  t.equal(keys.length - new Set(keys).size, 1);
});

t.test('the worked example of docs/how-training-graphs-work.md is as the page says', async (t) => {
  const b = createBuilder({ name: 'page' });
  const [x, w, v, y] = [
    b.input('x', 'float32', [1, 2]),
    b.input('w', 'float32', [2, 1]),
    b.input('v', 'float32', []),
    b.input('y', 'float32', []),
  ];
  const d = b.sub(b.mul(b.tanh(b.matmul(x, w)), v), y);
  const loss = b.mul(d, d);
  b.output(loss, 'float32');
  const model = b.build();
  const given: Feeds = {
    x: floatTensor([1, 2], [1, 2]),
    w: floatTensor([0.5, -0.25], [2, 1]),
    v: floatTensor([2], []),
    y: floatTensor([1], []),
  };
  const { graph, gradients } = await differentiate(model, {
    loss,
    wrt: ['w', 'v'],
    feeds: [given, given],
    open: openSession,
  });
  const outputs = ['w', 'v'].map((name) => ({ name: gradients.get(name) ?? '', type: 'float32' as const }));
  const session = await openSession({ ...model, graph: { ...graph, outputs } });
  const answers = await session.run(given);
  await session.close();
  t.strictSame(numbersOf(answers[outputs[0].name]), [-4, -8]);
  t.strictSame(numbersOf(answers[outputs[1].name]).map(Math.abs), [0]);
  const added = graph.nodes.slice(model.graph.nodes.length).map(({ op }) => op);
  t.comment(added.join(' '));
});
