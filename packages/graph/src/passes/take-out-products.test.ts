import * as ort from 'onnxruntime-node';
import t from 'tap';
import {
  type Builder,
  createBuilder,
  floatTensor,
  type Model,
  takeOutProducts,
  writeModel,
} from '../index.js';
import { runModel } from '../testing/run-model.js';

const weight = (b: Builder, name: string, rows: number, columns: number) =>
  b.initializer(
    name,
    floatTensor(
      Array.from({ length: rows * columns }, (_, index) => Math.sin(index + name.length)),
      [rows, columns],
    ),
  );

/** Two products of x with weights, one of them also an output; one with another input; one of what is no input. */
function model(): Model {
  const b = createBuilder({ name: 'layer' });
  const x = b.input('x', 'float32', ['n', 's', 4]);
  const other = b.input('other', 'float32', ['n', 4, 3]);
  const query = b.matmul(x, weight(b, 'wq', 4, 5), 'query');
  const given = b.matmul(x, weight(b, 'wg', 4, 2), 'given');
  const mixed = b.matmul(x, other, 'mixed');
  const deeper = b.matmul(b.relu(query, 'active'), weight(b, 'wd', 5, 3), 'deeper');
  b.output(b.add(b.add(deeper, mixed, 'sum'), b.matmul(x, weight(b, 'wk', 4, 3), 'key'), 'y'), 'float32', [
    'n',
    's',
    3,
  ]);
  b.output(given, 'float32', ['n', 's', 2]);
  return b.build();
}

const numbers = (dims: number[]) => ({
  type: 'float32' as const,
  dims,
  data: Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.cos(i + dims.length)),
});
const run = (own: Model, feeds: Parameters<typeof runModel>[2]) =>
  runModel(ort, writeModel(own).model, feeds, { optimise: false });

t.test('given its products, the rest of the model answers what the whole did', async (t) => {
  const whole = model();
  const { model: rest, products, widths } = takeOutProducts(whole, 'x');
  t.strictSame(widths, [
    { name: 'query', width: 5 },
    { name: 'key', width: 3 },
  ]);
  t.strictSame(
    rest.graph.inputs.map(({ name, shape }) => [name, shape]),
    [
      ['x', ['n', 's', 4]],
      ['other', ['n', 4, 3]],
      ['query', ['n', 's', 5]],
      ['key', ['n', 's', 3]],
    ],
  );
  t.notOk(rest.graph.initializers.has('wq'), 'the weights went with them');
  t.ok(rest.graph.initializers.has('wg'), 'what is an output stays');
  const x = numbers([2, 3, 4]);
  const other = numbers([2, 4, 3]);
  const { query, key } = await run(products, { x });
  const given = (values: typeof query) => ({
    ...{ type: 'float32' as const, dims: values.dims },
    data: [...values.data],
  });
  const answers = await run(rest, { x, other, query: given(query), key: given(key) });
  for (const [name, { data }] of Object.entries(await run(whole, { x, other })))
    t.strictSame([...answers[name].data], [...data], name);
});

t.test('where an input meets no weights, nothing is taken', (t) => {
  const whole = model();
  const { model: rest, widths } = takeOutProducts(whole, 'other');
  t.strictSame(widths, []);
  t.strictSame(rest, whole);
  t.end();
});
