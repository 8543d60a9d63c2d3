import fc from 'fast-check';
import * as ort from 'onnxruntime-node';
import t from 'tap';
import { castCodes } from '../builder.js';
import {
  type Attribute,
  type Builder,
  createBuilder,
  type DataType,
  floatTensor,
  foldConstants,
  int64Tensor,
  type Model,
  removeDead,
  type Tensor,
  writeModel,
} from '../index.js';
import { bytesPerElement, elementCount, numbersOf } from '../tensor.js';
import { runModel } from '../testing/run-model.js';

/** One node over constants, its output the graph's. */
function over(
  op: string,
  inputs: (Tensor | undefined)[],
  attributes: Record<string, Attribute> = {},
  type: DataType = inputs[0]!.type,
): Model {
  const b = createBuilder({ name: op });
  const names = inputs.map((tensor, index) => (tensor ? b.initializer(`c${index}`, tensor) : ''));
  const value = b.node(op, names, { name: 'folded', attributes });
  // Folding keeps the names of graph outputs, so one step between lets the node itself fold.
  b.output(b.node('Identity', [value], { name: 'y' }), type);
  return b.build();
}

/** The constant the node became; undefined when it stayed. */
function foldedOf(model: Model): Tensor | undefined {
  const { nodes, initializers } = foldConstants(model).graph;
  return initializers.get(nodes.at(-1)!.inputs[0]!);
}

/** The runtime's own answer, nothing optimised away. */
async function runtimeOf(model: Model) {
  return (await runModel(ort, writeModel(model).model, {}, { optimise: false })).y!;
}

const int = (value: number): Attribute => ({ kind: 'int', value });
const ints = (...value: number[]): Attribute => ({ kind: 'ints', value });
const bools = (values: number[], dims = [values.length]): Tensor => ({
  type: 'bool',
  dims,
  data: Uint8Array.from(values),
});
const int32s = (values: number[]): Tensor => ({
  type: 'int32',
  dims: [values.length],
  data: new Uint8Array(Int32Array.from(values).buffer),
});
const f = floatTensor([1.5, -2.25, 0.1, 7, -0.5, 3], [2, 3]);
const g = floatTensor([2, -0.5, 4]);
const i = int64Tensor([7, -7, 5, 0, 2, -3], [2, 3]);
const j = int64Tensor([2, -2, 3]);

t.test('every folded operator answers what the runtime answers, to the bit', async (t) => {
  const cases: Model[] = [
    ...['Add', 'Sub', 'Mul', 'Div'].flatMap((op): Model[] => [
      over(op, [f, g]),
      over(op, [g, f]),
      over(op, [i, j]),
      over(op, [int64Tensor([6], []), j]),
    ]),
    ...['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual'].flatMap((op): Model[] => [
      over(op, [f, floatTensor([1.5])], {}, 'bool'),
      over(op, [i, j], {}, 'bool'),
    ]),
    over('And', [bools([1, 0, 1]), bools([1, 1, 0])]),
    over('Or', [bools([1, 0, 0]), bools([1, 1, 0])]),
    over('Not', [bools([1, 0])]),
    ...['Neg', 'Abs'].flatMap((op): Model[] => [over(op, [f]), over(op, [i])]),
    ...['Floor', 'Ceil', 'Reciprocal'].map((op): Model => over(op, [f])),
    over('Sqrt', [floatTensor([2, 3, 0.1, 32])]),
    over('Where', [bools([1, 0, 1]), f, g], {}, 'float32'),
    over('Cast', [f], { to: int(castCodes.int64) }, 'int64'),
    over('Cast', [i], { to: int(castCodes.float32) }, 'float32'),
    over('Cast', [floatTensor([0, -0, 0.5, Number.NaN])], { to: int(castCodes.bool) }, 'bool'),
    over('Cast', [i], { to: int(castCodes.int32) }, 'int32'),
    over('Shape', [f], {}, 'int64'),
    over('Shape', [floatTensor([], [3, 0, 2])], { start: int(-2), end: int(3) }, 'int64'),
    over('Size', [f], {}, 'int64'),
    over('Reshape', [f, int64Tensor([0, -1, 1])]),
    over('Reshape', [floatTensor([], [0, 3]), int64Tensor([3, 0])], { allowzero: int(1) }),
    over('Unsqueeze', [f, int64Tensor([0, -1])]),
    over('Squeeze', [floatTensor([1, 2], [1, 2, 1]), int64Tensor([-1])]),
    over('Squeeze', [floatTensor([1, 2], [1, 2, 1])]),
    over('Flatten', [floatTensor([1, 2, 3, 4], [1, 2, 2])], { axis: int(2) }),
    over('Concat', [f, floatTensor([8, 9], [2, 1])], { axis: int(-1) }),
    over('Concat', [int64Tensor([1]), int64Tensor([]), int64Tensor([2, 3])], { axis: int(0) }),
    over('Range', [int64Tensor([7], []), int64Tensor([0], []), int64Tensor([-2], [])]),
    over('Range', [floatTensor([8], []), floatTensor([-3], []), floatTensor([-2.5], [])]),
    over('Range', [floatTensor([0], []), floatTensor([1], []), floatTensor([0.25], [])]),
    over('ConstantOfShape', [int64Tensor([2, 2])], {}, 'float32'),
    over('ConstantOfShape', [int64Tensor([3])], { value: { kind: 'tensor', value: int64Tensor([-1]) } }),
    over('Expand', [g, int64Tensor([2, 1])]),
    over('Expand', [floatTensor([1, 2], [2, 1]), int64Tensor([3])]),
    over('ReduceProd', [int64Tensor([3, 4, 5])], { keepdims: int(0) }),
    over('Transpose', [f]),
  ];
  for (const model of cases) {
    const { op, attributes } = model.graph.nodes[0]!;
    const folded = foldedOf(model);
    t.ok(folded, `${op} is folded`);
    const wanted = await runtimeOf(model);
    t.strictSame(folded!.dims, wanted.dims, `${op} ${JSON.stringify(attributes)}: dimensions`);
    t.strictSame(numbersOf(folded!), [...wanted.data], `${op} ${JSON.stringify(attributes)}: values`);
  }
});

/** A tensor of distinct elements. */
const numbered = fc
  .tuple(
    fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
    fc.constantFrom('float32', 'int64', 'bool'),
  )
  .map(([dims, type]): Tensor => {
    const count = elementCount(dims);
    if (type === 'bool')
      return bools(
        Array.from({ length: count }, (_, index) => index % 2),
        dims,
      );
    const values = Array.from({ length: count }, (_, index) => index);
    return type === 'int64' ? int64Tensor(values, dims) : floatTensor(values, dims);
  });

const movement = numbered.chain((x) => {
  const rank = x.dims.length;
  const axis = fc.integer({ min: -rank, max: rank - 1 });
  const transposed = fc
    .shuffledSubarray(
      x.dims.map((_, index) => index),
      { minLength: rank, maxLength: rank },
    )
    .map((perm) => over('Transpose', [x], { perm: ints(...perm) }));
  const gathered = axis.chain((along) => {
    const size = x.dims.at(along)!;
    return fc
      .array(fc.integer({ min: -size, max: size - 1 }), { minLength: 1, maxLength: 6 })
      .map((places) => over('Gather', [x, int64Tensor(places, [1, places.length])], { axis: int(along) }));
  });
  const place = fc.oneof(fc.integer({ min: -6, max: 6 }), fc.constantFrom(2 ** 62, -(2 ** 62)));
  const sliced = fc
    .tuple(axis, place, place, fc.constantFrom(1, 2, 3, -1, -2))
    .map(([along, start, end, step]) =>
      over('Slice', [x, ...[start, end, along, step].map((value) => int64Tensor([value]))]),
    );
  return fc.oneof(transposed, gathered, sliced);
});

t.test('transposing, gathering and slicing move elements as the runtime moves them', async (t) => {
  await fc.assert(
    fc.asyncProperty(movement, async (model) => {
      const folded = foldedOf(model);
      const wanted = await runtimeOf(model);
      if (!folded || folded.dims.join() !== wanted.dims.join()) throw new Error(`[${folded?.dims}]`);
      if (numbersOf(folded).join() !== [...wanted.data].join()) throw new Error(`${numbersOf(folded)}`);
      if (folded.data.byteLength !== elementCount(folded.dims) * bytesPerElement[folded.type])
        throw new Error('bytes');
    }),
    { numRuns: 150 },
  );
  t.pass();
});

t.test('what cannot be exact or would be large is left to the runtime', async (t) => {
  const left = (model: Model, why: string) => t.notOk(foldedOf(model), why);
  left(over('Div', [int64Tensor([1]), int64Tensor([0])]), 'integer division by zero');
  left(over('Add', [int64Tensor([2 ** 53 - 1]), int64Tensor([5])]), 'integers beyond 2^53');
  left(over('ConstantOfShape', [int64Tensor([2 ** 20, 2 ** 20])], {}, 'float32'), 'a tensor out of nothing');
  left(over('ConstantOfShape', [int64Tensor([-1])], {}, 'float32'), 'a negative size');
  left(over('Expand', [floatTensor([1]), int64Tensor([2 ** 40])]), 'a number repeated');
  left(
    over('Range', [int64Tensor([0], []), int64Tensor([2 ** 40], []), int64Tensor([1], [])]),
    'a long range',
  );
  left(
    over('Range', [int64Tensor([0], []), int64Tensor([1], []), int64Tensor([0], [])]),
    'a range that never ends',
  );
  const many = floatTensor(new Float32Array(2000), [2000, 1]);
  left(over('Add', [many, floatTensor(new Float32Array(2000), [1, 2000])]), 'an outer sum');
  left(
    over('Gather', [floatTensor(new Float32Array(9000), [1, 9000]), int64Tensor(new Array(9000).fill(0))]),
    'a row for each of many indices',
  );
  const wide = int64Tensor([2n ** 63n - 1n]);
  const odd = int64Tensor([2n ** 53n + 1n]);
  for (const op of ['Add', 'Sub', 'Mul', 'Div'])
    left(over(op, [wide, int64Tensor([-1])]), `${op} of an integer that no double holds`);
  for (const op of ['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual'])
    left(
      over(op, [int64Tensor([2n ** 53n]), odd], {}, 'bool'),
      `${op} of integers that no double tells apart`,
    );
  left(over('Neg', [odd]), 'the negative of one');
  left(over('Mul', [int64Tensor([2 ** 32]), int64Tensor([2 ** 31])]), 'a product that is 2^63');
  left(over('Mul', [int32s([2 ** 30 + 1]), int32s([2 ** 30 + 1])]), 'a product beyond int32');
  left(over('Where', [bools([1]), odd, odd], {}, 'int64'), 'a choice of one');
  left(over('Expand', [odd, int64Tensor([2])]), 'repetitions of one');
  const toInt32 = { to: int(castCodes.int32) };
  for (const x of [wide, floatTensor([3e9]), floatTensor([Number.NaN])])
    left(over('Cast', [x], toInt32, 'int32'), 'a cast to a type that does not hold the value');
  const scalars = (...values: number[]) => values.map((value) => floatTensor([value], []));
  left(over('Range', scalars(0, 1, 0.1)), 'a range of rounded floats');
  left(over('ReduceProd', [floatTensor([0.1, 0.2, 0.3])]), 'a product of floats');
  left(
    over('ReduceProd', [int64Tensor([2, 3]), int64Tensor([])], { noop_with_empty_axes: int(1) }),
    'a product over no axis',
  );
  left(over('Slice', [f, int64Tensor([0, 0]), int64Tensor([1])]), 'a slice with too few ends');
  left(over('Expand', [floatTensor([1], []), int64Tensor([-2, -3])]), 'negative sizes');
  left(over('ConstantOfShape', [floatTensor([2.5])]), 'a size that is no whole number');
  left(over('Reshape', [f, int64Tensor([4, 2])]), 'a shape that does not fit');
  left(over('Gather', [g, int64Tensor([3])]), 'an index that is not there');
  left(over('Erf', [g]), 'an operator of rounding');
});

t.test(
  'folding takes memory in proportion to what the graph holds, however its nodes are chained',
  async (t) => {
    const made = (build: (b: Builder, seed: string) => void): number => {
      const b = createBuilder({ name: 'bomb' });
      build(b, b.initializer('seed', floatTensor(new Float32Array(1024), [1, 1024])));
      const { initializers } = foldConstants(b.build()).graph;
      return [...initializers.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    };
    const MiB = 2 ** 20;
    const doubled = made((b, seed) => {
      let value = seed;
      for (let level = 0; level < 15; level += 1) value = b.concat([value, value], 0);
    });
    t.ok(doubled < 16 * MiB, `joined with itself: ${doubled} bytes`);
    const gathered = made((b, seed) => {
      const zeros = b.initializer('zeros', int64Tensor(new Array(64).fill(0)));
      let value = seed;
      for (let level = 0; level < 3; level += 1) value = b.reshape(b.gather(value, zeros, 0), [1, -1]);
    });
    t.ok(gathered < 16 * MiB, `gathered again and again: ${gathered} bytes`);
    const many = made((b, seed) => {
      const column = b.initializer('column', floatTensor(new Float32Array(1024), [1024, 1]));
      for (let count = 0; count < 30; count += 1) b.add(seed, column);
    });
    t.ok(many < 80 * MiB, `many nodes, each of a modest result: ${many} bytes`);
  },
);

t.test('a transposed weight keeps the name that tells whose it is', async (t) => {
  const b = createBuilder({ name: 'linear' });
  const weight = b.initializer('layer.0.query.weight', floatTensor([1, 2, 3, 4], [2, 2]));
  const x = b.input('x', 'float32', ['n', 2]);
  b.output(b.matmul(x, b.transpose(weight, [1, 0], 'val_7'), 'y'), 'float32');
  const [node] = foldConstants(b.build()).graph.nodes;
  t.strictSame(node!.inputs, ['x', 'layer.0.query.weight.transpose']);
});

t.test('constants and second names vanish, graph outputs keep theirs', async (t) => {
  const b = createBuilder({ name: 'names' });
  const x = b.input('x', 'float32', [2]);
  const constant = (attributes: Record<string, Attribute>) =>
    b.node('Constant', [], { name: 'c', attributes });
  const values = [
    constant({ value: { kind: 'tensor', value: floatTensor([1, 2]) } }),
    constant({ value_float: { kind: 'float', value: 3 } }),
    constant({ value_floats: { kind: 'floats', value: [4, 5] } }),
  ];
  let sum = x;
  for (const value of values) sum = b.add(b.node('Identity', [sum]), value);
  b.output(b.node('Identity', [sum], { name: 'y' }), 'float32');
  const numbers = b.node('Constant', [], { name: 'n', attributes: { value_ints: ints(6, 7) } });
  b.output(numbers, 'int64');
  const model = removeDead(foldConstants(b.build()));
  t.strictSame(
    model.graph.nodes.map((node) => node.op),
    ['Add', 'Add', 'Add', 'Identity', 'Constant'],
  );
  const answer = await runModel(ort, writeModel(model).model, {
    x: { type: 'float32', dims: [2], data: [0, 0] },
  });
  t.strictSame([...answer.y!.data], [8, 10]);
  t.strictSame([...answer.n!.data], [6, 7]);
});
