import assert from 'node:assert/strict';
import fc from 'fast-check';
import * as ort from 'onnxruntime-node';
import t from 'tap';
import {
  type Builder,
  createBuilder,
  cutPoints,
  type Dim,
  floatTensor,
  int64Tensor,
  type Model,
  removeDead,
  splitModel,
  type Value,
  writeModel,
} from '../index.js';
import { maxError, runModel } from '../testing/run-model.js';

const weight = (b: Builder, name: string, rows: number, columns: number): Value =>
  b.initializer(
    name,
    floatTensor(
      Array.from({ length: rows * columns }, (_, index) => Math.sin(index + name.length)),
      [rows, columns],
    ),
  );

/**
 * x [n, s, 4] → a linear layer → relu (the cut) → a linear layer, reshaped by the shape of the first layer's output: what
 * an exporter makes of `y.view(h.size(0), h.size(1) * 6)` where h has the same size as something nearer.
 */
function trap(): Model {
  const b = createBuilder({ name: 'trap' });
  const x = b.input('x', 'float32', ['n', 's', 4]);
  const lower = b.matmul(x, weight(b, 'w1', 4, 5), 'lower');
  const cut = b.relu(lower, 'cut');
  const upper = b.matmul(cut, weight(b, 'w2', 5, 6), 'upper');
  const rows = b.shape(lower, 0, 1, 'rows');
  const columns = b.mul(
    b.shape(lower, 1, 2),
    b.shared('six', () => int64Tensor([6])),
    'columns',
  );
  b.output(b.node('Reshape', [upper, b.concat([rows, columns], 0)], { name: 'y' }), 'float32');
  return b.build();
}

const x = {
  type: 'float32' as const,
  dims: [2, 3, 4],
  data: Array.from({ length: 24 }, (_, index) => Math.cos(index)),
};
const run = async (model: Model, feeds: Parameters<typeof runModel>[2]) =>
  runModel(ort, writeModel(model).model, feeds, { optimise: false });

t.test(
  'the shape of a value below the cut is taken from the cut, and its producer stays below',
  async (t) => {
    const model = trap();
    const shapes = new Map<string, Dim[]>([
      ['lower', ['n', 's', 5]],
      ['cut', ['n', 's', 5]],
    ]);
    const { trunk, top } = splitModel(model, 'cut', { shapes });
    t.strictSame(
      top.graph.inputs.map(({ name, shape }) => ({ name, shape })),
      [{ name: 'cut', shape: ['n', 's', 5] }],
    );
    t.notOk(top.graph.nodes.some((node) => ['lower', 'cut'].includes(node.name)));
    t.notOk(top.graph.initializers.has('w1'));
    t.strictSame(
      trunk.graph.nodes.map((node) => node.name),
      ['lower', 'cut'],
    );
    const { cut } = await run(trunk, { x });
    const whole = await run(model, { x });
    const { y } = await run(top, { cut: { type: 'float32', dims: cut!.dims, data: [...cut!.data] } });
    t.strictSame(y!.dims, [2, 18]);
    t.equal(maxError(y!.data, whole.y!.data), 0);
  },
);

t.test('a cut may be named by its node', async (t) => {
  const model = trap();
  model.graph.nodes.find((node) => node.name === 'cut')!.name = 'layer.0/Relu';
  const shapes = new Map<string, Dim[]>([
    ['lower', ['n', 's', 5]],
    ['cut', ['n', 's', 5]],
  ]);
  const { cut, trunk } = splitModel(model, 'layer.0/Relu', { shapes });
  t.equal(cut, 'cut');
  t.strictSame(trunk.graph.outputs, [{ name: 'cut', type: 'float32', shape: ['n', 's', 5] }]);
});

t.test('a shape that differs from the cut is put together from its dimensions', async (t) => {
  const b = createBuilder({ name: 'pieces' });
  const input = b.input('x', 'float32', ['n', 's', 4]);
  const wide = b.matmul(input, weight(b, 'w1', 4, 7), 'wide');
  const cut = b.matmul(b.transpose(wide, [1, 0, 2]), weight(b, 'w2', 7, 2), 'cut');
  const zeros = b.node('ConstantOfShape', [b.node('Shape', [wide], { name: 'wideShape' })], {
    name: 'zeros',
  });
  const row = b.node('ReduceMean', [cut, b.shared('axes', () => int64Tensor([0, 2]))], {
    attributes: { keepdims: { kind: 'int', value: 0 } },
  });
  b.output(b.add(b.transpose(zeros, [1, 2, 0]), row, 'y'), 'float32');
  const model = b.build();
  const shapes = new Map<string, Dim[]>([
    ['wide', ['n', 's', 7]],
    ['cut', ['s', 'n', 2]],
  ]);
  const { trunk, top } = splitModel(model, 'cut', { shapes });
  t.ok(top.graph.nodes.some((node) => node.op === 'Concat' && node.name === 'wideShape'));
  const lower = (await run(trunk, { x })).cut!;
  const upper = (await run(top, { cut: { type: 'float32', dims: lower.dims, data: [...lower.data] } })).y!;
  const whole = (await run(model, { x })).y!;
  t.strictSame(upper.dims, [3, 7, 2]);
  t.equal(maxError(upper.data, whole.data), 0);
});

t.test('an input that the top asks for its shape alone is asked no more', async (t) => {
  const b = createBuilder({ name: 'ids' });
  const input = b.input('x', 'float32', ['n', 's', 4]);
  const mask = b.input('mask', 'float32', ['n', 's', 4]);
  const cut = b.relu(b.matmul(input, weight(b, 'w', 4, 4), 'lower'), 'cut');
  b.output(
    b.node('Expand', [b.mul(cut, mask), b.node('Shape', [input], { name: 'shape' })], { name: 'y' }),
    'float32',
  );
  const { top } = splitModel(b.build(), 'cut');
  t.strictSame(
    top.graph.inputs.map(({ name }) => name),
    ['cut', 'mask'],
  );
  t.strictSame(top.graph.nodes.find((node) => node.name === 'shape')!.inputs, ['mask']);
});

t.test('a cut that is none is refused with the reason', async (t) => {
  const refused = (model: Model, cut: string, message: RegExp) =>
    t.throws(() => splitModel(model, cut), { code: 'bad_cut', message });
  refused(trap(), 'nowhere', /no value and has no node named nowhere/);
  refused(trap(), 'x', /no node named x/);
  refused(
    trap(),
    'cut',
    /Shape shape asks for the shape of lower below the cut|Shape rows asks for the shape of lower/,
  );
  const b = createBuilder({ name: 'residual' });
  const input = b.input('x', 'float32', ['n', 4]);
  const first = b.matmul(input, weight(b, 'w', 4, 4), 'first');
  const branch = b.relu(first, 'branch');
  b.output(b.add(branch, first, 'y'), 'float32');
  b.output(b.tanh(input, 'aside'), 'float32');
  refused(b.build(), 'branch', /aside is not computed from the cut/);
  const residual = b.build();
  residual.graph.outputs.pop();
  refused(removeDead(residual), 'branch', /Add y above it reads first below it/);
  t.strictSame(cutPoints(removeDead(residual)), ['first']);
});

t.test('the cuts that are offered are those that can be made', async (t) => {
  const steps = fc.array(
    fc.record({ op: fc.constantFrom('MatMul', 'Relu', 'Add', 'Reshape'), a: fc.nat(), b: fc.nat() }),
    { minLength: 1, maxLength: 14 },
  );
  fc.assert(
    fc.property(steps, fc.boolean(), (given, both) => {
      const b = createBuilder({ name: 'random' });
      const w = weight(b, 'w', 4, 4);
      const values = [b.matmul(b.input('x', 'float32', ['n', 4]), w)];
      // Mostly of what came just before, so that there are narrow places.
      const recent = (at: number) => values[Math.max(0, values.length - 1 - (at % 3))]!;
      for (const { op, a, b: other } of given) {
        const [left, right] = [recent(a), recent(other)];
        if (op === 'MatMul') values.push(b.matmul(left, w));
        else if (op === 'Relu') values.push(b.relu(left));
        else if (op === 'Add') values.push(b.add(left, right));
        else values.push(b.node('Reshape', [left, b.node('Shape', [right])]));
      }
      for (const value of new Set([values.at(-1)!, both ? recent(1) : values.at(-1)!]))
        b.output(value, 'float32');
      const model = b.build();
      const outputs = new Set(model.graph.outputs.map(({ name }) => name));
      const shapes = new Map(values.map((name): [string, Dim[]] => [name, ['n', 4]]));
      const possible = values.filter((value) => {
        if (outputs.has(value)) return false;
        try {
          return splitModel(model, value, { shapes }).cut === value;
        } catch {
          return false;
        }
      });
      assert.deepEqual(cutPoints(model), possible);
    }),
    { numRuns: 500 },
  );
  t.pass();
});

t.test('what nothing needs is gone, inputs stay', async (t) => {
  const b = createBuilder({ name: 'dead' });
  const input = b.input('x', 'float32', ['n', 4]);
  b.input('unused', 'float32');
  b.relu(b.matmul(input, weight(b, 'dead', 4, 4)));
  b.output(b.relu(input, 'y'), 'float32');
  const { graph } = removeDead(b.build());
  t.strictSame(
    graph.nodes.map((node) => node.name),
    ['y'],
  );
  t.equal(graph.initializers.size, 0);
  t.equal(graph.inputs.length, 2);
});
