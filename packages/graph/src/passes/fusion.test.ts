import * as ort from 'onnxruntime-node';
import t from 'tap';
import {
  type Builder,
  createBuilder,
  floatScalar,
  floatTensor,
  fuseGelu,
  fuseLayerNorm,
  int64Tensor,
  type Model,
  removeDead,
  type Value,
  writeModel,
} from '../index.js';
import { maxError, runModel } from '../testing/run-model.js';

type Parts = (b: Builder, x: Value, c: (value: number) => Value) => Value;

/** A graph over x [2, 3, 4] whose output is what `parts` makes of it. */
function graphOf(parts: Parts): Model {
  const b = createBuilder({ name: 'parts' });
  const x = b.input('x', 'float32', ['n', 3, 4]);
  const c = (value: number) => b.shared(`c${value}`, () => floatScalar(value));
  b.output(parts(b, x, c), 'float32');
  return b.build();
}

const feeds = {
  x: {
    type: 'float32' as const,
    dims: [2, 3, 4],
    data: Array.from({ length: 24 }, (_, index) => 2 * Math.sin(5 * index)),
  },
};

async function same(t: Tap, before: Model, after: Model) {
  const [wanted, actual] = [before, after].map(
    async (model) =>
      Object.values(await runModel(ort, writeModel(model).model, feeds, { optimise: false }))[0]!,
  );
  const error = maxError((await actual!).data, (await wanted!).data);
  t.ok(error < 2e-6, `the same answers, to ${error}`);
}
type Tap = Pick<typeof t, 'ok'>;

const opsOf = (model: Model) => model.graph.nodes.map((node) => node.op);

/** d / √(mean(d²) + ε) with its variations. */
interface NormParts {
  axis?: number;
  square?: 'pow' | 'mul';
  scale?: 'div' | 'reciprocal' | 'oneOver';
  affine?: (b: Builder, x: Value) => Value;
}

const gain = (b: Builder) => b.initializer('gain', floatTensor([1, 2, 3, 4]));
const bias = (b: Builder) => b.initializer('bias', floatTensor([0.1, 0.2, 0.3, 0.4]));
const both = (b: Builder, x: Value) => b.add(bias(b), b.mul(x, gain(b), 'scaled'), 'last');

function norm({ axis = -1, square = 'pow', scale = 'div', affine = both }: NormParts): Parts {
  return (b, x, c) => {
    const axes = b.initializer('axes', int64Tensor([axis]));
    const mean = (value: Value) => b.node('ReduceMean', [value, axes]);
    const centred = b.sub(x, mean(x));
    const squared = square === 'pow' ? b.node('Pow', [centred, c(2)]) : b.mul(centred, centred);
    const root = b.node('Sqrt', [b.add(mean(squared), c(1e-5))]);
    if (scale === 'div') return affine(b, b.div(centred, root));
    const inverse = scale === 'oneOver' ? b.div(c(1), root) : b.node('Reciprocal', [root]);
    return affine(b, b.mul(inverse, centred));
  };
}

t.test('a layer normalisation in parts becomes one node, however it is written', async (t) => {
  const variations: NormParts[] = [
    {},
    { axis: 2 },
    { square: 'mul' },
    { scale: 'reciprocal' },
    { scale: 'oneOver', square: 'mul' },
    { affine: (b, x) => b.mul(gain(b), x, 'last') },
    { affine: (b, x) => b.add(x, bias(b), 'last') },
  ];
  for (const variation of variations) {
    const parts = graphOf(norm(variation));
    const whole = removeDead(fuseLayerNorm(parts));
    t.strictSame(opsOf(whole), ['LayerNormalization'], JSON.stringify(variation));
    t.equal(whole.graph.nodes[0]!.name, 'last', 'named as the last part was');
    await same(t, parts, whole);
  }
});

t.test('what only looks like a layer normalisation stays', async (t) => {
  const stays = (parts: Parts, why: string) =>
    t.notOk(opsOf(fuseLayerNorm(graphOf(parts))).includes('LayerNormalization'), why);
  stays(norm({ axis: 1 }), 'over another axis');
  stays(norm({ affine: (_, x) => x }), 'of unknown length: no gain, no bias');
  stays((b, x, c) => {
    const axes = b.initializer('axes', int64Tensor([-1]));
    const centred = b.sub(x, b.node('ReduceMean', [x, axes]));
    const other = b.mul(x, x);
    return both(b, b.div(centred, b.node('Sqrt', [b.add(b.node('ReduceMean', [other, axes]), c(1e-5))])));
  }, 'not the variance of what it divides');
});

t.test('parts that something else reads as well survive beside the whole', async (t) => {
  const parts = graphOf((b, x, c) => {
    const normal = norm({})(b, x, c);
    // The centred values, by the name the builder gave them.
    return b.add(normal, 'sub');
  });
  const whole = removeDead(fuseLayerNorm(parts));
  t.ok(opsOf(whole).includes('LayerNormalization'));
  t.ok(opsOf(whole).includes('Sub'));
  await same(t, parts, whole);
});

const erf: Parts = (b, x, c) => b.add(b.node('Erf', [b.div(x, c(Math.SQRT2))]), c(1));
const cube = {
  pow: (b: Builder, x: Value, c: (value: number) => Value) => b.node('Pow', [x, c(3)]),
  products: (b: Builder, x: Value) => b.mul(x, b.mul(x, x)),
};
const tanh =
  (power: 'pow' | 'products'): Parts =>
  (b, x, c) => {
    const inner = b.add(x, b.mul(c(0.044715), cube[power](b, x, c)));
    return b.add(c(1), b.tanh(b.mul(inner, c(Math.sqrt(2 / Math.PI)))));
  };

t.test('a GELU in parts becomes one node, exact or by tanh, in any order of its factors', async (t) => {
  const orders: Parts[] = [erf, tanh('pow'), tanh('products')].flatMap((bell): Parts[] => [
    (b, x, c) => b.mul(b.mul(x, bell(b, x, c)), c(0.5), 'last'),
    (b, x, c) => b.mul(c(0.5), b.mul(bell(b, x, c), x), 'last'),
    (b, x, c) => b.mul(b.mul(x, c(0.5)), bell(b, x, c), 'last'),
    (b, x, c) => b.mul(b.div(x, c(2)), bell(b, x, c), 'last'),
    (b, x, c) => b.mul(x, b.mul(c(0.5), bell(b, x, c)), 'last'),
    (b, x, c) => b.div(b.mul(x, bell(b, x, c)), c(2), 'last'),
  ]);
  for (const parts of orders) {
    const graph = graphOf(parts);
    const whole = removeDead(fuseGelu(graph));
    t.strictSame(opsOf(whole), ['Gelu']);
    t.equal(whole.graph.nodes[0]!.name, 'last');
    await same(t, graph, whole);
  }
});

t.test('what only looks like a GELU stays', async (t) => {
  const stays = (parts: Parts, why: string) => t.notOk(opsOf(fuseGelu(graphOf(parts))).includes('Gelu'), why);
  stays((b, x, c) => b.mul(b.mul(x, erf(b, x, c)), c(0.4)), 'another factor');
  stays((b, x, c) => b.mul(b.mul(x, x), erf(b, x, c)), 'x twice');
  stays((b, x, c) => b.mul(b.mul(x, b.add(b.node('Erf', [x]), c(1))), c(0.5)), 'an erf of something else');
  stays((b, x, c) => b.div(c(2), b.mul(x, erf(b, x, c))), 'turned over');
  stays((b, x, c) => b.mul(c(0.5), b.mul(x, b.add(c(1), b.tanh(x)))), 'a tanh of x alone');
});
