import fc from 'fast-check';
import * as ort from 'onnxruntime-node';
import t from 'tap';
import {
  type Builder,
  createBuilder,
  floatTensor,
  int64Tensor,
  type Model,
  quantiseDynamic,
  writeModel,
} from '../index.js';
import { maxError, runModel } from '../testing/run-model.js';
import { randomFrom, tinyBert } from '../testing/tiny-bert.js';

/** x [rows, inner] times a constant matrix [inner, columns]. */
function product(weight: Float32Array, inner: number): Model {
  const b = createBuilder({ name: 'product' });
  const x = b.input('x', 'float32', ['rows', inner]);
  const w = b.initializer('w', floatTensor(weight, [inner, weight.length / inner]));
  b.output(b.matmul(x, w, 'y'), 'float32');
  return b.build();
}

// With the runtime's own rewriting, as it is served.
const run = async (model: Model, x: Float32Array, inner: number) =>
  (
    await runModel(ort, writeModel(model).model, {
      x: { type: 'float32', dims: [x.length / inner, inner], data: x },
    })
  ).y!.data;

const opsOf = ({ graph }: Model) => graph.nodes.map(({ op }) => op);
const largest = (values: Iterable<number>) => Math.max(...[...values].map(Math.abs));

/** Numbers of very different sizes, and zeros among them. */
const numbers = (count: number) =>
  fc.tuple(fc.integer(), fc.constantFrom(1e-20, 1e-3, 1, 1e5), fc.boolean()).map(([seed, scale, sparse]) => {
    const random = randomFrom(seed);
    return Float32Array.from({ length: count }, () =>
      sparse && random() < 0.5 ? 0 : (random() - 0.5) * scale * (random() < 0.1 ? 30 : 1),
    );
  });

t.test('a product is right within half a step of each of its two scales', async () => {
  const sizes = fc.tuple(
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 70 }),
    fc.integer({ min: 1, max: 20 }),
  );
  const cases = sizes.chain(([rows, inner, columns]) =>
    fc.record({
      inner: fc.constant(inner),
      columns: fc.constant(columns),
      x: numbers(rows * inner),
      w: numbers(inner * columns),
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ inner, columns, x, w }) => {
      const y = await run(quantiseDynamic(product(w, inner)), x, inner);
      for (let row = 0; row * inner < x.length; row += 1) {
        const own = x.subarray(row * inner, (row + 1) * inner);
        const stepX = largest(own) / 127;
        for (let column = 0; column < columns; column += 1) {
          const weights = Float32Array.from({ length: inner }, (_, at) => w[at * columns + column]);
          const stepW = largest(weights) / 64;
          let [exact, allowed, size] = [0, 0, 0];
          for (const [at, value] of own.entries()) {
            exact += value * weights[at];
            size += Math.abs(value * weights[at]);
            allowed += (Math.abs(value) * stepW + Math.abs(weights[at]) * stepX) / 2 + (stepX * stepW) / 4;
          }
          const error = Math.abs(y[row * columns + column] - exact);
          // Besides, what float32 rounds: a share, and what is too small for it.
          if (!(error <= allowed + 1e-5 * size + 1e-36))
            throw new Error(`row ${row}, column ${column}: off by ${error}, allowed ${allowed}`);
        }
      }
    }),
    { numRuns: 60 },
  );
});

t.test('the largest activations times the largest weights do not saturate', async (t) => {
  for (const [sign, inner] of [
    [1, 64],
    [-1, 64],
    [1, 1_537],
  ] as const) {
    const y = await run(
      quantiseDynamic(product(new Float32Array(inner * 16).fill(0.5 * sign), inner)),
      new Float32Array(inner * 4).fill(2),
      inner,
    );
    t.ok(maxError(y, Array(64).fill(sign * inner)) < 1e-5 * inner);
  }
});

t.test('what a row comes to does not hang on the rows beside it, to the bit', async (t) => {
  const random = randomFrom(1);
  const inner = 48;
  const model = quantiseDynamic(
    product(
      Float32Array.from({ length: inner * 24 }, () => random() - 0.5),
      inner,
    ),
  );
  // Each row ten times as large as the one before.
  const x = Float32Array.from(
    { length: 9 * inner },
    (_, at) => (random() - 0.5) * 10 ** Math.floor(at / inner),
  );
  const together = await run(model, x, inner);
  for (let row = 0; row < 9; row += 1) {
    const alone = await run(model, x.slice(row * inner, (row + 1) * inner), inner);
    t.strictSame(together.slice(row * 24, (row + 1) * 24), alone);
  }
});

t.test('a Gemm is the MatMul by the same matrix, turned or not, with its bias added', async (t) => {
  const random = randomFrom(2);
  const [inner, columns] = [20, 12];
  const w = Float32Array.from({ length: inner * columns }, () => random() - 0.5);
  const turned = w.map((_, at) => w[(at % inner) * columns + Math.floor(at / inner)]!);
  const bias = Float32Array.from({ length: columns }, () => random());
  const gemm = (transB: 0 | 1, more: Parameters<Builder['node']>[2] = {}) => {
    const b = createBuilder({ name: 'gemm' });
    const x = b.input('x', 'float32', ['rows', inner]);
    const matrix = transB === 1 ? floatTensor(turned, [columns, inner]) : floatTensor(w, [inner, columns]);
    const inputs = [x, b.initializer('w', matrix), b.initializer('bias', floatTensor(bias))];
    const attributes = { transB: { kind: 'int' as const, value: transB }, ...more.attributes };
    b.output(b.node('Gemm', inputs, { name: 'y', attributes }), 'float32');
    return b.build();
  };
  const x = Float32Array.from({ length: 3 * inner }, () => random() - 0.5);
  const wanted = (await run(quantiseDynamic(product(w, inner)), x, inner)).map(
    (value, at) => value + bias[at % columns]!,
  );
  for (const transB of [0, 1] as const) {
    const small = quantiseDynamic(gemm(transB));
    t.notOk(opsOf(small).includes('Gemm'));
    t.ok(maxError(await run(small, x, inner), wanted) < 1e-5);
  }
  const scaled = gemm(0, { attributes: { alpha: { kind: 'float', value: 2 } } });
  t.strictSame(opsOf(quantiseDynamic(scaled)), ['Gemm'], 'one that does more is left as it is');
});

t.test('a table that is looked up in and multiplied by keeps its numbers in both', async (t) => {
  // Rows and columns of different sizes, so that neither's scales fit the other.
  const [rows, columns] = [3, 4];
  const table = Float32Array.from(
    { length: rows * columns },
    (_, at) => 10 ** Math.floor(at / columns) * 2 ** (at % columns),
  );
  const tied = (gatherFirst: boolean): Model => {
    const b = createBuilder({ name: 'tied' });
    const x = b.input('x', 'float32', ['rows', rows]);
    const w = b.initializer('w', floatTensor(table, [rows, columns]));
    const ids = b.initializer('ids', int64Tensor([2, 0]));
    const found = () => b.output(b.gather(w, ids, 0, 'found'), 'float32');
    const multiplied = () => b.output(b.matmul(x, w, 'multiplied'), 'float32');
    for (const use of gatherFirst ? [found, multiplied] : [multiplied, found]) use();
    return b.build();
  };
  const x = { type: 'float32' as const, dims: [1, rows], data: [1, 1, 1] };
  for (const gatherFirst of [true, false]) {
    const answers = await Promise.all(
      [tied(gatherFirst), quantiseDynamic(tied(gatherFirst))].map((model) =>
        runModel(ort, writeModel(model).model, { x }),
      ),
    );
    for (const name of ['found', 'multiplied']) {
      const [wanted, actual] = answers.map((answer) => answer[name]!.data);
      for (const [at, value] of wanted!.entries())
        t.ok(Math.abs(actual![at]! - value) < 0.1 * value, `${name}[${at}]: ${actual![at]}, not ${value}`);
    }
  }
});

t.test(
  'products that read the same activations quantise them once; products of two activations stay',
  (t) => {
    const { model } = tinyBert();
    const after = opsOf(quantiseDynamic(model));
    const count = (ops: string[], wanted: string) => ops.filter((op) => op === wanted).length;
    // Of each layer: query, key, value, the attention's output, and two of the feed-forward part.
    t.equal(count(after, 'MatMulInteger'), 2 * 6);
    t.equal(count(after, 'QuantizeLinear'), 2 * 4);
    t.equal(count(after, 'MatMul'), count(opsOf(model), 'MatMul') - 2 * 6);
    t.end();
  },
);

t.test(
  'a whole encoder answers nearly as before, and its tables and matrices take a byte a number',
  async (t) => {
    const { model } = tinyBert();
    const small = quantiseDynamic(model);
    const ids = [3, 7, 1, 19, 0, 5];
    const feeds = {
      input_ids: { type: 'int64' as const, dims: [1, 6], data: ids },
      attention_mask: { type: 'int64' as const, dims: [1, 6], data: ids.map(() => 1) },
    };
    const [wanted, actual] = await Promise.all(
      [model, small].map(
        async (one) => (await runModel(ort, writeModel(one).model, feeds)).last_hidden_state!.data,
      ),
    );
    t.ok(maxError(actual!, wanted!) < 0.1 * largest(wanted!), `off by ${maxError(actual!, wanted!)}`);
    // The positions' table is cut, not looked up in.
    for (const [name, { type, dims }] of small.graph.initializers)
      if (dims.length === 2 && dims[1]! > 1 && !name.includes('position')) t.equal(type, 'int8', name);
  },
);
