/**
 * Every rule against finite differences, on random small shapes.
 *
 * L(x) = Σ w·f(x) with random w. For a random direction d, the derived gradient must satisfy
 * ∇L·d = (8(L(x+hd) − L(x−hd)) − (L(x+2hd) − L(x−2hd)))/12h + O(h⁴) (Richardson's extrapolation of the central difference).
 * In float64 with h = 1e-3 rounding is ~1e-12 and truncation ~1e-10: the bound is 1e-6. Where the runtime's kernel is float32
 * only, h = 2e-2 balances rounding (6e-8·|L|/h) against truncation (h⁴ ~ 2e-7): the bound is 1e-2 of |∇L|·|d|. A wrong formula is
 * off by far more in some of the random directions.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import {
  type Attribute,
  type DataType,
  differentiate,
  type Feeds,
  type Model,
  type Node,
  numbersOf,
  OPSET,
  type OpenSession,
  rules,
  type Tensor,
} from '../index.js';
import { openSession } from '../testing/open-session.test.js';
import { encode } from './emitter.js';

/** One input: a float operand to differentiate by (a shape), or anything else as a constant. */
type Operand = { shape: number[]; from?: number; to?: number; apart?: boolean } | { constant: Tensor } | '';

interface Case {
  op: string;
  operands: Operand[];
  attributes?: Record<string, Attribute>;
  outputs?: number;
  float32Only?: boolean;
}

const int = (value: number): Attribute => ({ kind: 'int', value });
const ints = (value: number[]): Attribute => ({ kind: 'ints', value });
const float = (value: number): Attribute => ({ kind: 'float', value });
const text = (value: string): Attribute => ({ kind: 'string', value });
const i64 = (values: number[], dims = [values.length]): Operand => ({
  constant: { type: 'int64', dims, data: encode('int64', values) },
});

const count = (dims: number[]) => dims.reduce((a, b) => a * b, 1);

/** Repeatable numbers in [0, 1): mulberry32. */
function randomFrom(seed: number) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), 1 | state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
}

/** Marks the second run of a probe. */
const widened: Feeds = {};

/**
 * A session whose second probe reports every dimension other than 1 as larger by 1000: to the differentiation they all
 * vary between runs, and it must emit run-time shapes.
 */
const openWithVaryingShapes: OpenSession = async (model) => {
  const session = await openSession(model);
  let truth: Tensor | undefined;
  return {
    close: session.close,
    async run(feeds) {
      if (feeds !== widened || !truth) {
        const answers = await session.run(feeds);
        truth = answers.shapes;
        return answers;
      }
      const vector = numbersOf(truth);
      for (let at = 0; at < vector.length; at += 1 + vector[at]) {
        for (let i = at + 1; i <= at + vector[at]; i++) if (vector[i] !== 1) vector[i] += 1000;
      }
      return { shapes: { ...truth, data: encode('int64', vector) } };
    },
  };
};

async function check({ op, operands, attributes = {}, outputs = 1 }: Case, type: DataType, seed: number) {
  const random = randomFrom(seed);
  // A kernel's size must be known; `Conv` has a test of its own for images of varying size.
  const varying = op !== 'Conv' && seed % 2 === 1;
  const inputs: string[] = [];
  const initializers = new Map<string, Tensor>();
  const values: Record<string, { shape: number[]; data: number[] }> = {};
  for (const [i, operand] of operands.entries()) {
    const name = operand === '' ? '' : `x${i}`;
    inputs.push(name);
    if (operand === '') continue;
    if ('constant' in operand) {
      const { constant } = operand;
      initializers.set(
        name,
        constant.type === 'float64'
          ? { ...constant, type, data: encode(type, numbersOf(constant)) }
          : constant,
      );
      continue;
    }
    const { from = -1, to = 1, apart = false } = operand;
    const n = count(operand.shape);
    // `apart`: a shuffled grid, so that no step of a difference can change which element is largest.
    const grid = Array.from({ length: n }, (_, k) => k).sort(() => random() - 0.5);
    values[name] = {
      shape: operand.shape,
      data: grid.map((k) => (apart ? from + ((k + 0.5) / n) * (to - from) : from + random() * (to - from))),
    };
  }
  const names = Array.from({ length: outputs }, (_, i) => `y${i}`);
  const tested: Node = { op, name: 'tested', inputs, outputs: names, attributes };
  const modelOf = (nodes: Node[], fetched: string[]): Model => ({
    graph: {
      name: op,
      nodes,
      inputs: Object.keys(values).map((name) => ({ name, type })),
      outputs: fetched.map((name) => ({ name, type })),
      initializers,
    },
    opset: OPSET,
    producer: 'test',
    metadata: {},
  });
  const toFeeds = (at: (name: string, k: number, value: number) => number): Feeds =>
    Object.fromEntries(
      Object.entries(values).map(([name, { shape, data }]) => [
        name,
        {
          type,
          dims: shape,
          data: encode(
            type,
            data.map((value, k) => at(name, k, value)),
          ),
        },
      ]),
    );
  const here = toFeeds((_, __, value) => value);

  // L weighs every element of every output differently.
  const plain = await openSession(modelOf([tested], names), { graphOptimizationLevel: 'disabled' });
  const answers = await plain.run(here);
  await plain.close();
  const nodes = [tested];
  for (const [i, name] of names.entries()) {
    const { dims } = answers[name];
    const weights = Array.from({ length: count(dims) }, () => random() * 2 - 1);
    initializers.set(`w${i}`, { type, dims, data: encode(type, weights) });
    nodes.push({ op: 'Mul', name: `p${i}`, inputs: [name, `w${i}`], outputs: [`p${i}`], attributes: {} });
    nodes.push({
      op: 'ReduceSum',
      name: `l${i}`,
      inputs: [`p${i}`],
      outputs: [`l${i}`],
      attributes: { keepdims: int(0) },
    });
  }
  nodes.push({
    op: 'Sum',
    name: 'loss',
    inputs: names.map((_, i) => `l${i}`),
    outputs: ['loss'],
    attributes: {},
  });
  const forward = modelOf(nodes, ['loss']);

  const wrt = Object.keys(values);
  const { graph, gradients } = await differentiate(forward, {
    loss: 'loss',
    wrt,
    feeds: [here, varying ? widened : here],
    open: varying ? openWithVaryingShapes : openSession,
  });
  const backward = await openSession({
    ...forward,
    graph: { ...graph, outputs: wrt.map((name) => ({ name: gradients.get(name) ?? '', type })) },
  });
  const derived = await backward.run(here);
  await backward.close();

  const session = await openSession(forward, { graphOptimizationLevel: 'disabled' });
  const lossAt = async (feeds: Feeds) => numbersOf((await session.run(feeds)).loss)[0];
  const h = type === 'float64' ? 1e-3 : 2e-2;
  const bound = type === 'float64' ? 1e-6 : 1e-2;
  for (const name of wrt) {
    const gradient = derived[gradients.get(name) ?? ''];
    assert.deepEqual(gradient.dims, values[name].shape, `${op}: the gradient of ${name} has its shape`);
    const g = numbersOf(gradient);
    for (let round = 0; round < 2; round++) {
      const d = g.map(() => random() * 2 - 1);
      const along = (step: number) =>
        lossAt(toFeeds((n, k, value) => (n === name ? value + step * h * d[k] : value)));
      const numeric =
        (8 * ((await along(1)) - (await along(-1))) - ((await along(2)) - (await along(-2)))) / (12 * h);
      const analytic = g.reduce((sum, value, k) => sum + value * d[k], 0);
      const norm = Math.hypot(...g) * Math.hypot(...d);
      const error = Math.abs(numeric - analytic) / Math.max(norm, 1e-2);
      if (!(error <= bound)) {
        await session.close();
        throw new Error(
          `${op} towards ${name} ${JSON.stringify(values[name].shape)}: derived ${analytic}, differences ${numeric} (${type})`,
        );
      }
    }
  }
  await session.close();
}

const float32Only = new Set<string>();

/** float64 where the runtime has the kernels, float32 else. */
async function checkAtBestPrecision(example: Case, seed: number) {
  if (!example.float32Only && !float32Only.has(example.op)) {
    try {
      return await check(example, 'float64', seed);
    } catch (error) {
      if (
        !/NOT_IMPLEMENTED|Could not find an implementation|INVALID_GRAPH|not implemented|type/i.test(
          String(error),
        )
      )
        throw error;
      if (/differences/.test(String(error))) throw error;
      float32Only.add(example.op);
    }
  }
  await check(example, 'float32', seed);
}

const size = fc.integer({ min: 1, max: 4 });
const shapeOf = (min: number, max: number) => fc.array(size, { minLength: min, maxLength: max });
/** Two or three shapes that broadcast to one: each axis kept, made 1, or dropped from the front. */
const broadcastShapes = (n: number) =>
  shapeOf(0, 4).chain((full) =>
    fc
      .array(
        fc.record({
          drop: fc.integer({ min: 0, max: full.length }),
          ones: fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }),
        }),
        { minLength: n, maxLength: n },
      )
      .map((cuts) => cuts.map(({ drop, ones }) => full.map((dim, i) => (ones[i] ? 1 : dim)).slice(drop))),
  );

const unary = (
  op: string,
  range: { from?: number; to?: number; apart?: boolean } = {},
  attributes: Record<string, Attribute> = {},
) => shapeOf(0, 4).map((shape): Case => ({ op, operands: [{ shape, ...range }], attributes }));
const binary = (op: string, left: { from?: number; to?: number } = {}, right = left) =>
  broadcastShapes(2).map(
    ([a, b]): Case => ({
      op,
      operands: [
        { shape: a, ...left },
        { shape: b, ...right },
      ],
    }),
  );

const reduction = (op: string, range: { from?: number; to?: number; apart?: boolean } = {}) =>
  shapeOf(1, 4).chain((shape) =>
    fc
      .record({
        axes: fc.subarray(
          shape.map((_, i) => i),
          { minLength: 1 },
        ),
        negative: fc.boolean(),
        keep: fc.boolean(),
        all: fc.boolean(),
      })
      .map(
        ({ axes, negative, keep, all }): Case => ({
          op,
          operands: [
            { shape, ...range },
            ...(all ? [] : [i64(axes.map((axis) => (negative ? axis - shape.length : axis)))]),
          ],
          attributes: { keepdims: int(keep ? 1 : 0) },
        }),
      ),
  );

const softmax = (op: string) =>
  shapeOf(1, 4).chain((shape) =>
    fc
      .integer({ min: -shape.length, max: shape.length - 1 })
      .map((axis): Case => ({ op, operands: [{ shape, from: -2, to: 2 }], attributes: { axis: int(axis) } })),
  );

const matmulShapes = fc
  .record({ batch: broadcastShapes(2), m: size, k: size, n: size, kind: fc.integer({ min: 0, max: 3 }) })
  .map(({ batch: [a, b], m, k, n, kind }) => {
    if (kind === 1) return [[k], [...b, k, n]];
    if (kind === 2) return [[...a, m, k], [k]];
    if (kind === 3)
      return [
        [...a, m, k],
        [k, n],
      ];
    return [
      [...a, m, k],
      [...b, k, n],
    ];
  });

const convolution = fc
  .record({
    rank: fc.integer({ min: 1, max: 2 }),
    batch: fc.integer({ min: 1, max: 2 }),
    group: fc.integer({ min: 1, max: 2 }),
    perGroup: fc.integer({ min: 1, max: 2 }),
    filters: fc.integer({ min: 1, max: 2 }),
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 2 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    before: fc.integer({ min: 0, max: 2 }),
    after: fc.integer({ min: 0, max: 2 }),
    extra: fc.integer({ min: 0, max: 3 }),
    bias: fc.boolean(),
    auto: fc.constantFrom('NOTSET', 'NOTSET', 'NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'),
  })
  .map(
    ({
      rank,
      batch,
      group,
      perGroup,
      filters,
      kernel,
      stride,
      dilation,
      before,
      after,
      extra,
      bias,
      auto,
    }): Case => {
      const spatial = (value: number) => Array.from({ length: rank }, () => value);
      const length = (kernel - 1) * dilation + 1 + extra;
      return {
        op: 'Conv',
        operands: [
          { shape: [batch, group * perGroup, ...spatial(length)] },
          { shape: [group * filters, perGroup, ...spatial(kernel)] },
          ...(bias ? [{ shape: [group * filters] }] : []),
        ],
        attributes: {
          strides: ints(spatial(stride)),
          // ONNX Runtime refuses dilation with SAME padding.
          dilations: ints(spatial(auto.startsWith('SAME') ? 1 : dilation)),
          group: int(group),
          kernel_shape: ints(spatial(kernel)),
          ...(auto === 'NOTSET'
            ? { pads: ints([...spatial(before), ...spatial(after)]) }
            : { auto_pad: text(auto) }),
        },
      };
    },
  );

const pooling = (op: string) =>
  fc
    .record({
      batch: fc.integer({ min: 1, max: 2 }),
      channels: fc.integer({ min: 1, max: 2 }),
      kernel: fc.integer({ min: 2, max: 3 }),
      stride: fc.integer({ min: 1, max: 3 }),
      pad: fc.integer({ min: 0, max: 1 }),
      extra: fc.integer({ min: 0, max: 3 }),
      include: fc.boolean(),
    })
    .map(
      ({ batch, channels, kernel, stride, pad, extra, include }): Case => ({
        op,
        operands: [
          { shape: [batch, channels, kernel + extra, kernel + 1], apart: op === 'MaxPool', from: -4, to: 4 },
        ],
        attributes: {
          kernel_shape: ints([kernel, kernel]),
          strides: ints([stride, stride]),
          pads: ints([pad, pad, pad, pad]),
          ...(op === 'AveragePool' ? { count_include_pad: int(include ? 1 : 0) } : {}),
        },
      }),
    );

const shapeAndAxis = (min: number) =>
  shapeOf(min, 4).chain((shape) =>
    fc.record({ shape: fc.constant(shape), axis: fc.integer({ min: 0, max: shape.length - 1 }) }),
  );

const positive = { from: 0.5, to: 2 };
/** Away from 0, where the derivative jumps, by more than a difference's step. */
const kink = { from: 0.1, to: 1 };

const cases: Record<string, fc.Arbitrary<Case>> = {
  Add: binary('Add'),
  Sub: binary('Sub'),
  Mul: binary('Mul'),
  Div: binary('Div', {}, positive),
  Sum: broadcastShapes(3).map((shapes) => ({ op: 'Sum', operands: shapes.map((shape) => ({ shape })) })),
  Mean: broadcastShapes(3).map((shapes) => ({ op: 'Mean', operands: shapes.map((shape) => ({ shape })) })),
  Max: binary('Max', { from: -1, to: -0.1 }, kink),
  Min: binary('Min', { from: -1, to: -0.1 }, kink),
  Neg: unary('Neg'),
  Abs: fc.oneof(unary('Abs', kink), unary('Abs', { from: -1, to: -0.1 })),
  Reciprocal: unary('Reciprocal', positive),
  Sqrt: unary('Sqrt', positive),
  Pow: fc.oneof(
    binary('Pow', positive, { from: -2, to: 2 }),
    fc.constantFrom(2, 3, 0.5, -1).chain((power) =>
      shapeOf(0, 3).map(
        (shape): Case => ({
          op: 'Pow',
          operands: [
            { shape, ...positive },
            { constant: { type: 'float64', dims: [], data: encode('float64', [power]) } },
          ],
        }),
      ),
    ),
  ),
  Exp: unary('Exp'),
  Log: unary('Log', positive),
  Sin: unary('Sin'),
  Cos: unary('Cos'),
  Identity: unary('Identity'),
  Dropout: unary('Dropout'),
  Cast: shapeOf(0, 3).map((shape) => ({
    op: 'Cast',
    operands: [{ shape }],
    attributes: { to: int(1) },
    float32Only: true,
  })),
  CastLike: shapeOf(0, 3).map((shape) => ({
    op: 'CastLike',
    operands: [{ shape }, { constant: { type: 'float32', dims: [], data: encode('float32', [0]) } }],
    float32Only: true,
  })),
  Where: broadcastShapes(3).chain(([c, a, b]) =>
    fc.array(fc.boolean(), { minLength: count(c), maxLength: count(c) }).map(
      (bits): Case => ({
        op: 'Where',
        operands: [
          { constant: { type: 'bool', dims: c, data: Uint8Array.from(bits, Number) } },
          { shape: a },
          { shape: b },
        ],
      }),
    ),
  ),
  Relu: fc.oneof(unary('Relu', kink), unary('Relu', { from: -1, to: -0.1 })),
  LeakyRelu: fc.oneof(
    unary('LeakyRelu', kink),
    unary('LeakyRelu', { from: -1, to: -0.1 }, { alpha: float(0.3) }),
  ),
  Elu: fc.oneof(unary('Elu', kink), unary('Elu', { from: -1, to: -0.1 }, { alpha: float(0.5) })),
  Clip: fc.constantFrom([-1, -0.5], [-0.4, 0.4], [0.5, 1]).chain(([from, to]) =>
    shapeOf(0, 3).map(
      (shape): Case => ({
        op: 'Clip',
        operands: [
          { shape, from, to },
          { constant: { type: 'float64', dims: [], data: encode('float64', [-0.45]) } },
          { constant: { type: 'float64', dims: [], data: encode('float64', [0.45]) } },
        ],
      }),
    ),
  ),
  Sigmoid: unary('Sigmoid', { from: -3, to: 3 }),
  Tanh: unary('Tanh', { from: -2, to: 2 }),
  Softplus: unary('Softplus', { from: -3, to: 3 }),
  HardSigmoid: fc.oneof(unary('HardSigmoid', { from: -2, to: 2 }), unary('HardSigmoid', { from: 3, to: 5 })),
  HardSwish: fc.oneof(unary('HardSwish', { from: -2.9, to: 2.9 }), unary('HardSwish', { from: 3.1, to: 5 })),
  Erf: unary('Erf'),
  Gelu: fc
    .constantFrom('none', 'tanh')
    .chain((kind) => unary('Gelu', { from: -2, to: 2 }, { approximate: text(kind) })),
  MatMul: matmulShapes.map(([a, b]) => ({ op: 'MatMul', operands: [{ shape: a }, { shape: b }] })),
  Gemm: fc
    .record({
      m: size,
      k: size,
      n: size,
      a: fc.boolean(),
      b: fc.boolean(),
      c: fc.integer({ min: 0, max: 4 }),
    })
    .map(
      ({ m, k, n, a, b, c }): Case => ({
        op: 'Gemm',
        operands: [
          { shape: a ? [k, m] : [m, k] },
          { shape: b ? [n, k] : [k, n] },
          ...(c === 0 ? [] : [{ shape: [[n], [m, n], [1, n], [m, 1]][c - 1] }]),
        ],
        attributes: { transA: int(a ? 1 : 0), transB: int(b ? 1 : 0), alpha: float(0.5), beta: float(2) },
      }),
    ),
  Reshape: shapeOf(1, 4).map((shape) => ({ op: 'Reshape', operands: [{ shape }, i64([-1])] })),
  Flatten: shapeAndAxis(1).map(({ shape, axis }) => ({
    op: 'Flatten',
    operands: [{ shape }],
    attributes: { axis: int(axis) },
  })),
  Squeeze: shapeOf(1, 3).map((shape) => ({ op: 'Squeeze', operands: [{ shape: [1, ...shape] }, i64([0])] })),
  Unsqueeze: shapeOf(0, 3).map((shape) => ({ op: 'Unsqueeze', operands: [{ shape }, i64([0])] })),
  Transpose: shapeOf(1, 4).chain((shape) =>
    fc
      .shuffledSubarray(
        shape.map((_, i) => i),
        { minLength: shape.length },
      )
      .map(
        (perm): Case => ({
          op: 'Transpose',
          operands: [{ shape }],
          attributes: { perm: ints(perm) },
        }),
      ),
  ),
  Expand: broadcastShapes(2).map(([a, b]) => ({ op: 'Expand', operands: [{ shape: a }, i64(b)] })),
  Tile: shapeOf(1, 3).map((shape) => ({
    op: 'Tile',
    operands: [{ shape }, i64(shape.map((_, i) => i + 1))],
  })),
  Concat: shapeAndAxis(1).chain(({ shape, axis }) =>
    fc.array(size, { minLength: 1, maxLength: 3 }).map(
      (sizes): Case => ({
        op: 'Concat',
        operands: sizes.map((width) => ({ shape: shape.with(axis, width) })),
        attributes: { axis: int(axis) },
      }),
    ),
  ),
  Split: shapeAndAxis(1).chain(({ shape, axis }) =>
    fc.array(size, { minLength: 2, maxLength: 3 }).map(
      (sizes): Case => ({
        op: 'Split',
        operands: [
          {
            shape: shape.with(
              axis,
              sizes.reduce((a, b) => a + b, 0),
            ),
          },
          i64(sizes),
        ],
        attributes: { axis: int(axis - shape.length) },
        outputs: sizes.length,
      }),
    ),
  ),
  Pad: shapeOf(1, 3).chain((shape) =>
    fc
      .array(fc.integer({ min: -1, max: 2 }), { minLength: 2 * shape.length, maxLength: 2 * shape.length })
      .map(
        (pads): Case => ({
          op: 'Pad',
          operands: [{ shape: shape.map((width) => width + 2) }, i64(pads)],
        }),
      ),
  ),
  Slice: shapeAndAxis(1).chain(({ shape, axis }) =>
    fc
      .record({
        start: fc.integer({ min: -3, max: 3 }),
        length: fc.integer({ min: 1, max: 3 }),
        step: fc.constantFrom(1, 1, 2, -1),
      })
      .map(({ start, length, step }): Case => {
        const width = 7;
        const from = start + 3; // 0 … 6
        const at = step > 0 ? Math.min(from, 4) : Math.max(from, 3);
        const end = at + (step > 0 ? length : -length);
        return {
          op: 'Slice',
          operands: [
            { shape: shape.with(axis, width) },
            i64([at % 2 ? at : at - width]),
            i64([step < 0 && end < 0 ? -100 : end]),
            i64([axis - shape.length]),
            i64([step]),
          ],
        };
      }),
  ),
  Gather: shapeAndAxis(1).chain(({ shape, axis }) =>
    shapeOf(0, 2).chain((indexShape) =>
      fc
        .array(fc.integer({ min: -shape[axis], max: shape[axis] - 1 }), {
          minLength: count(indexShape),
          maxLength: count(indexShape),
        })
        .map(
          (indices): Case => ({
            op: 'Gather',
            operands: [{ shape }, i64(indices, indexShape)],
            attributes: { axis: int(axis) },
          }),
        ),
    ),
  ),
  GatherElements: shapeAndAxis(1).chain(({ shape, axis }) =>
    fc
      .array(fc.integer({ min: -shape[axis], max: shape[axis] - 1 }), {
        minLength: count(shape),
        maxLength: count(shape),
      })
      .map(
        (indices): Case => ({
          op: 'GatherElements',
          operands: [{ shape }, i64(indices, shape)],
          attributes: { axis: int(axis) },
        }),
      ),
  ),
  Trilu: shapeOf(2, 3).chain((shape) =>
    fc
      .boolean()
      .map(
        (upper): Case => ({ op: 'Trilu', operands: [{ shape }], attributes: { upper: int(upper ? 1 : 0) } }),
      ),
  ),
  ReduceSum: reduction('ReduceSum'),
  ReduceMean: reduction('ReduceMean'),
  ReduceSumSquare: reduction('ReduceSumSquare'),
  ReduceL2: reduction('ReduceL2', positive),
  ReduceLogSumExp: reduction('ReduceLogSumExp'),
  ReduceMax: reduction('ReduceMax', { apart: true, from: -20, to: 20 }),
  ReduceMin: reduction('ReduceMin', { apart: true, from: -20, to: 20 }),
  Softmax: softmax('Softmax'),
  LogSoftmax: softmax('LogSoftmax'),
  LayerNormalization: shapeAndAxis(1).chain(({ shape, axis }) =>
    fc.boolean().map((bias): Case => {
      const wide = shape.with(-1, shape[shape.length - 1] + 2);
      return {
        op: 'LayerNormalization',
        operands: [
          { shape: wide, from: -2, to: 2 },
          { shape: wide.slice(axis) },
          ...(bias ? [{ shape: wide.slice(axis) }] : []),
        ],
        // A large ε keeps the third derivative, and with it the difference's own error, small.
        attributes: { axis: int(axis - shape.length), epsilon: float(0.1) },
      };
    }),
  ),
  BatchNormalization: shapeOf(0, 2).chain((spatial) =>
    size.map(
      (channels): Case => ({
        op: 'BatchNormalization',
        operands: [
          { shape: [2, channels, ...spatial] },
          { shape: [channels] },
          { shape: [channels] },
          {
            constant: {
              type: 'float64',
              dims: [channels],
              data: encode(
                'float64',
                Array.from({ length: channels }, (_, i) => i / 4),
              ),
            },
          },
          {
            constant: {
              type: 'float64',
              dims: [channels],
              data: encode(
                'float64',
                Array.from({ length: channels }, (_, i) => i + 0.5),
              ),
            },
          },
        ],
        attributes: { epsilon: float(1e-3) },
      }),
    ),
  ),
  Conv: convolution,
  MaxPool: pooling('MaxPool'),
  AveragePool: pooling('AveragePool'),
  GlobalAveragePool: shapeOf(1, 2).map((spatial) => ({
    op: 'GlobalAveragePool',
    operands: [{ shape: [2, 3, ...spatial] }],
  })),
  GlobalMaxPool: shapeOf(1, 2).map((spatial) => ({
    op: 'GlobalMaxPool',
    operands: [{ shape: [2, 3, ...spatial], apart: true, from: -20, to: 20 }],
  })),
};

t.test('every operator in the table has a property here', async (t) => {
  t.strictSame(Object.keys(cases).sort(), [...rules.keys()].sort());
});

for (const [op, arbitrary] of Object.entries(cases)) {
  t.test(`${op}: the derived gradient equals finite differences`, async (t) => {
    await fc.assert(
      fc.asyncProperty(arbitrary, fc.nat(1 << 20), (example, seed) => checkAtBestPrecision(example, seed)),
      { numRuns: 20 },
    );
    t.pass(float32Only.has(op) ? 'in float32' : 'in float64');
  });
}

t.test(
  'Conv: images whose size varies between runs get the same gradient as those of fixed size',
  async (t) => {
    const weight: Tensor = {
      type: 'float32',
      dims: [2, 1, 3, 3],
      data: encode(
        'float32',
        Array.from({ length: 18 }, (_, i) => Math.sin(i)),
      ),
    };
    const model: Model = {
      graph: {
        name: 'conv',
        nodes: [
          {
            op: 'Conv',
            name: 'conv',
            inputs: ['x', 'w'],
            outputs: ['y'],
            attributes: { strides: ints([2, 2]), pads: ints([1, 0, 1, 2]), group: int(2) },
          },
          { op: 'Mul', name: 'square', inputs: ['y', 'y'], outputs: ['yy'], attributes: {} },
          {
            op: 'ReduceSum',
            name: 'loss',
            inputs: ['yy'],
            outputs: ['loss'],
            attributes: { keepdims: int(0) },
          },
        ],
        inputs: [{ name: 'x', type: 'float32' }],
        outputs: [{ name: 'loss', type: 'float32' }],
        initializers: new Map([['w', weight]]),
      },
      opset: OPSET,
      producer: 'test',
      metadata: {},
    };
    const image = (height: number, width: number): Feeds => ({
      x: {
        type: 'float32',
        dims: [1, 2, height, width],
        data: encode(
          'float32',
          Array.from({ length: 2 * height * width }, (_, i) => Math.cos(i)),
        ),
      },
    });
    for (const [height, width] of [
      [5, 6],
      [6, 7],
      [7, 5],
    ]) {
      const results: number[][] = [];
      for (const feeds of [
        [image(height, width), image(height, width)],
        [image(4, 5), image(8, 9)],
      ] as [Feeds, Feeds][]) {
        const { graph, gradients } = await differentiate(model, {
          loss: 'loss',
          wrt: ['x'],
          feeds,
          open: openSession,
        });
        const name = gradients.get('x') ?? '';
        const session = await openSession({
          ...model,
          graph: { ...graph, outputs: [{ name, type: 'float32' }] },
        });
        results.push(numbersOf((await session.run(image(height, width)))[name]));
        await session.close();
      }
      t.strictSame(results[1], results[0]);
    }
  },
);
