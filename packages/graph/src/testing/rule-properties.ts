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
import { encode } from '../autodiff/emitter.js';
import type { Rule } from '../autodiff/rule.js';
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
  type Tensor,
} from '../index.js';
import { openSession } from './open-session.js';
import { randomFrom } from './tiny-bert.js';

/** One input: a float operand to differentiate by (a shape), or anything else as a constant. */
type Operand = { shape: number[]; from?: number; to?: number; apart?: boolean } | { constant: Tensor } | '';

export interface Case {
  op: string;
  operands: Operand[];
  attributes?: Record<string, Attribute>;
  outputs?: number;
  float32Only?: boolean;
}

export const int = (value: number): Attribute => ({ kind: 'int', value });
export const ints = (value: number[]): Attribute => ({ kind: 'ints', value });
export const float = (value: number): Attribute => ({ kind: 'float', value });
export const text = (value: string): Attribute => ({ kind: 'string', value });
export const i64 = (values: number[], dims = [values.length]): Operand => ({
  constant: { type: 'int64', dims, data: encode('int64', values) },
});
export const i32 = (values: number[], dims = [values.length]): Operand => ({
  constant: { type: 'int32', dims, data: encode('int32', values) },
});

export const count = (dims: number[]) => dims.reduce((a, b) => a * b, 1);

/** Marks the second run of a probe. */
const widened: Feeds = {};

/**
 * A session whose second probe reports every dimension other than 1 as larger by 1000: to the differentiation they all
 * vary between runs, and it must emit run-time shapes.
 */
const openWithVaryingShapes: OpenSession = async (model) => {
  const session = await openSession(model);
  // A probe's only output.
  const [{ name }] = model.graph.outputs;
  let truth: Tensor | undefined;
  return {
    close: session.close,
    async run(feeds) {
      if (feeds !== widened || !truth) {
        const answers = await session.run(feeds);
        truth = answers[name];
        return answers;
      }
      const vector = numbersOf(truth);
      for (let at = 0; at < vector.length; at += 1 + vector[at]) {
        for (let i = at + 1; i <= at + vector[at]; i++) if (vector[i] !== 1) vector[i] += 1000;
      }
      return { [name]: { ...truth, data: encode('int64', vector) } };
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

export const size = fc.integer({ min: 1, max: 4 });
export const shapeOf = (min: number, max: number) => fc.array(size, { minLength: min, maxLength: max });
/** Two or three shapes that broadcast to one: each axis kept, made 1, or dropped from the front. */
export const broadcastShapes = (n: number) =>
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

export const unary = (
  op: string,
  range: { from?: number; to?: number; apart?: boolean } = {},
  attributes: Record<string, Attribute> = {},
) => shapeOf(0, 4).map((shape): Case => ({ op, operands: [{ shape, ...range }], attributes }));
export const binary = (op: string, left: { from?: number; to?: number } = {}, right = left) =>
  broadcastShapes(2).map(
    ([a, b]): Case => ({
      op,
      operands: [
        { shape: a, ...left },
        { shape: b, ...right },
      ],
    }),
  );

export const shapeAndAxis = (min: number) =>
  shapeOf(min, 4).chain((shape) =>
    fc.record({ shape: fc.constant(shape), axis: fc.integer({ min: 0, max: shape.length - 1 }) }),
  );

export const positive = { from: 0.5, to: 2 };
/** Away from 0, where the derivative jumps, by more than a difference's step. */
export const kink = { from: 0.1, to: 1 };

/** Checks every rule of a table by the property of its operator; a rule without one fails. */
export function checkRules(table: Record<string, Rule>, cases: Record<string, fc.Arbitrary<Case>>): void {
  t.test('every rule in the table has a property here', async (t) => {
    t.strictSame(Object.keys(cases).sort(), Object.keys(table).sort());
  });
  for (const [op, arbitrary] of Object.entries(cases)) {
    t.test(`${op}: the derived gradient equals finite differences`, async (t) => {
      await fc.assert(
        fc.asyncProperty(arbitrary, fc.nat(1 << 20), (example, seed) => checkAtBestPrecision(example, seed)),
        { numRuns: 15 },
      );
      t.pass(float32Only.has(op) ? 'in float32' : 'in float64');
    });
  }
}
