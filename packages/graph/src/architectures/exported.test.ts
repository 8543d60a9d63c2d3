import { readFileSync } from 'node:fs';
import t from 'tap';
import {
  createBuilder,
  cutPoints,
  floatTensor,
  importModel,
  type Model,
  readExportedEncoder,
} from '../index.js';

const load = (name: string): Model =>
  importModel(readFileSync(new URL(`../../fixtures/exports/${name}.onnx`, import.meta.url)));

/** Each of two layers, 16 numbers a token. */
const exported = [
  ...['bert-opset11', 'bert-opset14', 'bert-opset17', 'bert-opset18', 'optimum-bert-opset14'],
  ...['dynamo-bert-opset20', 'xlm-roberta-opset11', 'optimum-xlm-roberta-opset18'],
  ...['dynamo-xlm-roberta-opset18', 'dynamo-style-xlm-roberta'],
];
const fused = ['optimum-modernbert-opset18', 'gpt2-opset11', 'gpt2-opset17', 'dynamo-gpt2-opset20'];

for (const name of [...exported, ...fused]) {
  t.test(`${name}: layers, hidden states and the inputs of attentions are found`, async (t) => {
    const { model, hidden, layers, hiddenStates, attentionInputs } = readExportedEncoder(load(name));
    t.same([hidden, layers, hiddenStates.length], [16, 2, 3]);
    t.same(
      model.graph.inputs.map(({ name }) => name),
      ['input_ids', 'attention_mask'],
    );
    t.same(
      model.graph.outputs.map(({ name }) => name),
      [hiddenStates[2]],
    );
    const targets = fused.includes(name) ? ['query_key_value'] : ['query', 'value'];
    t.same(
      attentionInputs.map(({ name }) => name),
      [0, 1].flatMap((layer) => targets.map((target) => `layer.${layer}.attention.${target}`)),
    );
    for (const { name, inFeatures, outFeatures } of attentionInputs) {
      t.equal(model.graph.nodes.filter((node) => node.name === name).length, 1, name);
      t.same([inFeatures, outFeatures], [16, targets.length === 1 ? 48 : 16]);
    }
  });
}

t.test('modules have the names that the exporter gave them, with dots', async (t) => {
  const names = (name: string) =>
    readExportedEncoder(load(name)).attentionInputs.map(({ module }) => module)[3];
  t.equal(names('dynamo-bert-opset20'), 'encoder.layer.1.attention.self.value');
  t.equal(names('bert-opset17'), 'layer.1.self.value');
});

t.test('a file of very many nodes is answered in time and memory that grow with them', async (t) => {
  // Every one of them is a value that all data pass through.
  const b = createBuilder({ name: 'long' });
  const ids = b.input('input_ids', 'int64', ['batch', 'sequence']);
  b.input('attention_mask', 'int64', ['batch', 'sequence']);
  let x = b.gather(b.initializer('table', floatTensor(new Float32Array(8), [2, 4])), ids, 0);
  for (let count = 0; count < 30_000; count += 1) x = b.relu(x);
  b.output(x, 'float32', ['batch', 'sequence', 4], 'last_hidden_state');
  const model = b.build();
  t.throws(() => readExportedEncoder(model), { code: 'bad_config', message: /holds no attention/ });
  t.equal(cutPoints(model).length, 30_001);
});

t.test('what is no encoder of tokens is refused with what is missing, and how to export one', async (t) => {
  const refuses = (model: Model, message: RegExp) =>
    t.throws(() => readExportedEncoder(model), { code: 'bad_config', message });
  const remedy = /export the bare encoder, as optimum does for the task feature-extraction/;
  refuses(load('vit-opset14'), /no input_ids of int64, but pixel_values/);
  refuses(load('vit-opset14'), remedy);
  refuses(load('mobilenetv2-opset14'), /no output has a state for each token, among features/);
  const bert = load('bert-opset17');
  const { graph } = bert;
  const input = { name: 'position_ids', type: 'int64' as const, shape: ['batch', 'sequence'] };
  refuses({ ...bert, graph: { ...graph, inputs: [...graph.inputs, input] } }, /wants position_ids besides/);
  const open = graph.outputs.map((output) => ({ ...output, shape: ['batch', 'sequence', 'width'] }));
  refuses({ ...bert, graph: { ...graph, outputs: open } }, /does not declare how many numbers/);
  const nodes = graph.nodes.map((node) => (node.op === 'Softmax' ? { ...node, op: 'Sigmoid' } : node));
  refuses({ ...bert, graph: { ...graph, nodes } }, /no attention whose weights a Softmax makes/);
});
