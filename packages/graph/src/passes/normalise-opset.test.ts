import * as ort from 'onnxruntime-node';
import t from 'tap';
import {
  type Attribute,
  type Builder,
  createBuilder,
  type Model,
  normaliseOpset,
  readModel,
  type Tensor,
  writeModel,
} from '../index.js';
import { floatTensor, int64Tensor } from '../tensor.js';
import { maxError, runModel, type TestTensor } from '../testing/run-model.js';

interface Case {
  op: string;
  opset: number;
  x: number[];
  attributes?: Record<string, Attribute>;
  /** Inputs after x: constants, or undefined where left out. */
  inputs?: (Tensor | undefined)[];
  outputs?: number;
  /** Whether x is declared with its rank. Default true. */
  ranked?: boolean;
}

const int = (value: number): Attribute => ({ kind: 'int', value });
const ints = (...value: number[]): Attribute => ({ kind: 'ints', value });
const float = (value: number): Attribute => ({ kind: 'float', value });
const text = (value: string): Attribute => ({ kind: 'string', value });

/** One node over one input, at the opset of the case. */
function modelOf({ op, opset, x, attributes = {}, inputs = [], outputs = 1, ranked = true }: Case): Model {
  const initializers = new Map<string, Tensor>();
  inputs.forEach((tensor, index) => {
    if (tensor) initializers.set(`constant${index}`, tensor);
  });
  const names = Array.from({ length: outputs }, (_, index) => `y${index}`);
  return {
    opset,
    producer: 'test',
    metadata: {},
    graph: {
      name: op,
      nodes: [
        {
          op,
          name: 'node',
          inputs: ['x', ...inputs.map((tensor, index) => (tensor ? `constant${index}` : ''))],
          outputs: names,
          attributes,
        },
      ],
      inputs: [{ name: 'x', type: 'float32', ...(ranked ? { shape: x.map((_, axis) => `d${axis}`) } : {}) }],
      outputs: names.map((name) => ({ name, type: 'float32' })),
      initializers,
    },
  };
}

const vector = (length: number) => floatTensor(Array.from({ length }, (_, index) => Math.cos(index)));

const cases: Case[] = [
  ...[11, 12].flatMap((opset): Case[] => [
    { op: 'Softmax', opset, x: [2, 3, 4] },
    { op: 'Softmax', opset, x: [2, 3, 4], attributes: { axis: int(2) } },
    { op: 'Softmax', opset, x: [2, 3, 4], attributes: { axis: int(2) }, ranked: false },
    { op: 'Softmax', opset, x: [2, 3, 4], attributes: { axis: int(0) } },
    { op: 'LogSoftmax', opset, x: [2, 3, 4], attributes: { axis: int(-1) } },
    { op: 'Hardmax', opset, x: [2, 3, 4] },
  ]),
  { op: 'Softmax', opset: 13, x: [2, 3, 4], attributes: { axis: int(1) } },
  { op: 'Squeeze', opset: 11, x: [1, 3, 1], attributes: { axes: ints(0, 2) } },
  { op: 'Squeeze', opset: 11, x: [1, 3, 1] },
  { op: 'Unsqueeze', opset: 12, x: [2, 3], attributes: { axes: ints(0, 3) } },
  ...['Sum', 'Mean', 'Max', 'Min', 'Prod', 'L1', 'L2', 'LogSumExp', 'SumSquare'].flatMap((kind) =>
    [11, 13, 17].flatMap((opset): Case[] => {
      if (kind === 'Sum' && opset > 11) return [];
      const op = `Reduce${kind}`;
      return [
        { op, opset, x: [2, 3, 4], attributes: { axes: ints(-1, 0), keepdims: int(0) } },
        { op, opset, x: [2, 3, 4], attributes: { axes: ints(1) } },
        { op, opset, x: [2, 3, 4], attributes: { keepdims: int(0) } },
      ];
    }),
  ),
  { op: 'ReduceSum', opset: 17, x: [2, 3], inputs: [int64Tensor([1])] },
  { op: 'Split', opset: 11, x: [2, 6], attributes: { axis: int(1), split: ints(1, 2, 3) }, outputs: 3 },
  { op: 'Split', opset: 11, x: [2, 6], attributes: { axis: int(-1) }, outputs: 3 },
  {
    op: 'Split',
    opset: 13,
    x: [2, 6],
    attributes: { axis: int(1) },
    inputs: [int64Tensor([4, 2])],
    outputs: 2,
  },
  { op: 'Split', opset: 17, x: [4, 3], outputs: 2 },
  { op: 'Dropout', opset: 11, x: [2, 3], attributes: { ratio: float(0.5) } },
  { op: 'Dropout', opset: 13, x: [2, 3], inputs: [floatTensor([0.5], [])] },
  ...[11, 14, 15].map(
    (opset): Case => ({
      op: 'BatchNormalization',
      opset,
      x: [2, 3, 4],
      attributes: { epsilon: float(1e-3), momentum: float(0.5) },
      inputs: [vector(3), vector(3), vector(3), floatTensor([1, 2, 3])],
    }),
  ),
  { op: 'Clip', opset: 11, x: [2, 3], inputs: [undefined, floatTensor([0.25], [])] },
  { op: 'Pad', opset: 11, x: [2, 3], inputs: [int64Tensor([0, 1, 1, 0]), floatTensor([9], [])] },
  {
    op: 'Pad',
    opset: 13,
    x: [3, 3],
    inputs: [int64Tensor([0, 2, 0, 1])],
    attributes: { mode: text('reflect') },
  },
  {
    op: 'Slice',
    opset: 11,
    x: [4, 5],
    inputs: [int64Tensor([-2]), int64Tensor([2n ** 63n - 1n]), int64Tensor([1])],
  },
  {
    op: 'Resize',
    opset: 11,
    x: [1, 1, 2, 2],
    inputs: [floatTensor([]), floatTensor([1, 1, 2, 2])],
    attributes: { mode: text('linear'), coordinate_transformation_mode: text('half_pixel') },
  },
  ...[11, 15, 16].map(
    (opset): Case => ({
      op: 'RoiAlign',
      opset,
      x: [1, 1, 6, 6],
      inputs: [floatTensor([0.5, 1, 4, 4.5], [1, 4]), int64Tensor([0])],
      attributes: { output_height: int(2), output_width: int(2), sampling_ratio: int(2) },
    }),
  ),
  {
    op: 'GridSample',
    opset: 16,
    x: [1, 1, 3, 3],
    inputs: [floatTensor([-0.5, 0.2, 0.7, 0.1], [1, 1, 2, 2])],
    attributes: { mode: text('bilinear') },
  },
  { op: 'Flatten', opset: 11, x: [2, 3, 4], attributes: { axis: int(2) } },
  {
    op: 'AveragePool',
    opset: 11,
    x: [1, 1, 5],
    attributes: { kernel_shape: ints(2), ceil_mode: int(1), strides: ints(2) },
  },
];

t.test('a node means after the rewrite what it meant under its own opset', async (t) => {
  for (const entry of cases) {
    const original = modelOf(entry);
    // Through the reader, so that what is tested is what files can hold.
    const model = normaliseOpset(readModel(writeModel(original).model));
    t.equal(model.opset, 20);
    const count = entry.x.reduce((a, b) => a * b, 1);
    const x: TestTensor = {
      type: 'float32',
      dims: entry.x,
      data: Array.from({ length: count }, (_, index) => Math.sin(3 * index)),
    };
    const wanted = await runModel(ort, writeModel(original).model, { x }, { optimise: false });
    const actual = await runModel(ort, writeModel(model).model, { x }, { optimise: false });
    for (const [name, { dims, data }] of Object.entries(wanted)) {
      const what = `${entry.op} of opset ${entry.opset} ${JSON.stringify(entry.attributes ?? {})}`;
      t.strictSame(actual[name]!.dims, dims, what);
      // The very same kernels run, save for a Softmax that now runs over a flattened view.
      t.ok(maxError(actual[name]!.data, data) <= 1e-7, what);
    }
  }
});

t.test('a Softmax of old is right behind a Reshape whose shape is computed by broadcasting', async (t) => {
  // Each way to a shape of two dimensions, of which the first operand tells one.
  const shapes: Record<string, (b: Builder) => string> = {
    Mul: (b) => b.mul(b.initializer('one', int64Tensor([1])), b.initializer('two', int64Tensor([12, 1]))),
    Where: (b) => {
      const condition = b.initializer('condition', { type: 'bool', dims: [1], data: Uint8Array.of(0) });
      const [one, two] = [b.initializer('one', int64Tensor([7])), b.initializer('two', int64Tensor([12, 1]))];
      return b.node('Where', [condition, one, two]);
    },
    // Zero copies the dimension, here 12.
    Equal: (b) => {
      const [one, two] = [b.initializer('one', int64Tensor([5])), b.initializer('two', int64Tensor([2, 5]))];
      return b.cast(b.node('Equal', [one, two]), 'int64');
    },
  };
  for (const [op, shape] of Object.entries(shapes)) {
    const b = createBuilder({ name: op });
    const x = b.input('x', 'float32', [12, 1]);
    b.output(b.softmax(b.node('Reshape', [x, shape(b)]), 0, 'y'), 'float32');
    const original = { ...b.build(), opset: 11 };
    const feeds = {
      x: { type: 'float32' as const, dims: [12, 1], data: Array.from({ length: 12 }, (_, at) => at) },
    };
    const [wanted, actual] = await Promise.all(
      [original, normaliseOpset(original)].map((model) =>
        runModel(ort, writeModel(model).model, feeds, { optimise: false }),
      ),
    );
    t.ok(maxError(actual!.y!.data, wanted!.y!.data) <= 1e-7, op);
  }
});

t.test('what only training needs is refused, dropout does nothing', async (t) => {
  const normalise = (entry: Case) => normaliseOpset(modelOf(entry));
  const statistics = [vector(3), vector(3), vector(3), vector(3)];
  t.throws(
    () => normalise({ op: 'BatchNormalization', opset: 11, x: [2, 3], inputs: statistics, outputs: 5 }),
    {
      code: 'unsupported',
      message: /evaluation mode/,
    },
  );
  t.throws(
    () =>
      normalise({
        op: 'BatchNormalization',
        opset: 15,
        x: [2, 3],
        inputs: statistics,
        attributes: { training_mode: int(1) },
      }),
    { code: 'unsupported' },
  );
  t.throws(() => normalise({ op: 'Dropout', opset: 13, x: [2], outputs: 2 }), {
    code: 'unsupported',
    message: /mask/,
  });
  t.equal(normalise({ op: 'Dropout', opset: 20, x: [2] }).graph.nodes[0]!.op, 'Identity');
});

t.test('what opset 20 cannot say is refused, not passed on', async (t) => {
  // block_size came with 21.
  const blocked = modelOf({
    op: 'DequantizeLinear',
    opset: 21,
    x: [4],
    inputs: [floatTensor([1, 1])],
    attributes: { block_size: int(2) },
  });
  t.throws(() => normaliseOpset(blocked), { code: 'bad_attribute', message: /block_size at opset 20/ });
  // Its scale has one entry for each channel since 21, for each group before: the same shape can mean either.
  const grouped = modelOf({
    op: 'GroupNormalization',
    opset: 21,
    x: [1, 4, 2],
    inputs: [floatTensor([1, 1, 1, 1]), floatTensor([0, 0, 0, 0])],
    attributes: { num_groups: int(2) },
  });
  t.throws(() => normaliseOpset(grouped), { code: 'unsupported', message: /opset 17/ });
});

t.test('nodes of subgraphs are rewritten too, their constants found from within', async (t) => {
  const body = modelOf({ op: 'Unsqueeze', opset: 11, x: [2], attributes: { axes: ints(0) } }).graph;
  const model: Model = {
    opset: 11,
    producer: 'test',
    metadata: {},
    graph: {
      name: 'outer',
      nodes: [
        {
          op: 'If',
          name: 'if',
          inputs: ['condition'],
          outputs: ['y'],
          attributes: {
            then_branch: { kind: 'graph', value: { ...body, inputs: [] } },
            else_branch: { kind: 'graph', value: { ...body, name: 'else', inputs: [] } },
          },
        },
      ],
      inputs: [
        { name: 'x', type: 'float32', shape: [2] },
        { name: 'condition', type: 'bool', shape: [] },
      ],
      outputs: [{ name: 'y', type: 'float32' }],
      initializers: new Map(),
    },
  };
  const normal = normaliseOpset(readModel(writeModel(model).model));
  const feeds = {
    x: { type: 'float32' as const, dims: [2], data: [5, 6] },
    condition: { type: 'bool' as const, dims: [], data: [1] },
  };
  t.strictSame((await runModel(ort, writeModel(normal).model, feeds)).y!.dims, [1, 2]);
});
