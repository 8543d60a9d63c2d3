import t from 'tap';
import { createBuilder, findSites, floatTensor, matchSites } from '../index.js';
import { tinyBert } from '../testing/tiny-bert.js';

const { model: bert } = tinyBert();
const sites = findSites(bert.graph, ['last_hidden_state']);

t.test('linear layers are found with their sizes and with the bias behind them', async (t) => {
  const query = sites.find(({ name }) => name === 'layer.0.attention.query');
  t.match(query, { kind: 'linear', inFeatures: 8, outFeatures: 8, output: 'layer.0.attention.query.biased' });
  t.match(
    sites.find(({ name }) => name === 'layer.1.ffn.inner'),
    { inFeatures: 8, outFeatures: 16 },
  );
  t.equal(
    sites.filter(({ kind }) => kind === 'linear').length,
    12,
    'six for each layer; products of activations are none',
  );
  t.equal(sites.filter(({ kind }) => kind === 'norm').length, 5);
});

t.test('patterns match whole segments of names', async (t) => {
  const names = (pattern: string) => matchSites(sites, ['linear'], pattern).map(({ name }) => name);
  t.strictSame(
    names('query,value'),
    [0, 1].flatMap((i) => [`layer.${i}.attention.query`, `layer.${i}.attention.value`]),
  );
  t.strictSame(names('layer.1.attention.query'), ['layer.1.attention.query']);
  t.equal(names('all-linear').length, 12);
  t.equal(names('attention').length, 8);
  t.strictSame(names('1.*.inner'), ['layer.1.ffn.inner']);
  t.throws(() => names('quer'), {
    code: 'bad_injection',
    message: /matches "quer"; there are 12, as "layer.0/,
  });
});

t.test('weights’ names serve where no node’s does, through transpositions and Gemm', async (t) => {
  const b = createBuilder({ name: 'exported' });
  const x = b.input('x', 'float32', ['rows', 4]);
  const first = b.initializer('encoder.query.weight', floatTensor(new Float32Array(12), [3, 4]));
  const y = b.matmul(x, b.transpose(first, [1, 0]), 'node_1');
  const second = b.initializer('encoder.value.weight', floatTensor(new Float32Array(15), [5, 3]));
  const z = b.node('Gemm', [y, second], {
    name: 'node_2',
    attributes: { transB: { kind: 'int', value: 1 } },
  });
  b.output(z, 'float32', ['rows', 5], 'out');
  const found = findSites(b.build().graph, ['out']);
  t.match(found, [
    { inFeatures: 4, outFeatures: 3 },
    { inFeatures: 3, outFeatures: 5 },
  ]);
  t.match(matchSites(found, ['linear'], 'value'), [{ name: 'encoder.value.weight' }]);
});
