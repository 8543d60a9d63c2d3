import { readFileSync } from 'node:fs';
import t from 'tap';
import {
  buildTrainingGraph,
  createBuilder,
  floatTensor,
  importModel,
  registerTraining,
  selfCheck,
  type TrainingOptions,
} from '../index.js';
import { openSession } from '../testing/open-session.js';
import { randomFrom, tinyBert } from '../testing/tiny-bert.js';
import { requirePassed } from './self-check.js';

const { model: bert } = tinyBert();
const options: TrainingOptions = {
  adapters: [{ kind: 'lora', targets: 'query,value', rank: 2, alpha: 4 }],
  head: { kind: 'linear' },
  pooling: 'mean',
  loss: { kind: 'softmax' },
};

t.test('a right gradient is admitted, with a report of every parameter in two directions', async (t) => {
  const { training, report } = await registerTraining(bert, options, {
    open: openSession,
    random: randomFrom(1),
  });
  t.equal(report.passed, true, report.text);
  t.equal(report.checks.length, 2 * training.layout.parameters.length);
  t.match(report.text, /agrees with finite differences in all 20 directions/);
});

t.test(
  'gradients that are wrong in one place are refused, and the report names the parameters',
  async (t) => {
    const training = await buildTrainingGraph(bert, options, openSession);
    // In turn, break one operator of the backward pass that the check must notice.
    const breakages: [string, string][] = [
      ['grad/Softmax', 'Sub'],
      ['grad/LayerNormalization', 'Sub'],
      ['grad/Gelu', 'Add'],
      ['grad/LogSoftmax', 'Sub'],
    ];
    for (const [scope, op] of breakages) {
      const { graph } = training.gradient;
      const at = graph.nodes.findIndex(({ name, op: own }) => name.startsWith(`${scope}/`) && own === op);
      t.not(at, -1, `${scope} emits ${op}`);
      const broken = graph.nodes.map((node, i) =>
        i === at ? { ...node, op: op === 'Sub' ? 'Add' : 'Sub' } : node,
      );
      const report = await selfCheck(
        { ...training, gradient: { ...training.gradient, graph: { ...graph, nodes: broken } } },
        { random: randomFrom(1) },
        openSession,
      );
      t.equal(report.passed, false, `${scope} broken`);
      t.match(report.text, /disagrees with finite differences/);
      t.match(report.text, /FAILED layer\.\d\.attention\.(query|value)\/lora_[ab] along/);
      t.throws(() => requirePassed(report), { code: 'self_check_failed' });
    }
  },
);

t.test(
  'where thousands of kinks meet, a right gradient is admitted from any start and a wrong one refused',
  async (t) => {
    const file = new URL('../../fixtures/exports/mobilenetv2-opset14.onnx', import.meta.url);
    const training = await buildTrainingGraph(
      importModel(readFileSync(file)),
      { ...options, adapters: [{ kind: 'ia3', targets: 'all' }], pooling: 'none' },
      openSession,
    );
    for (const seed of [1, 2, 3]) {
      const report = await selfCheck(training, { random: randomFrom(seed) }, openSession);
      t.equal(report.passed, true, report.text);
    }
    // Clip lets a gradient through where its input passed unchanged; here everywhere in one layer.
    const { graph } = training.gradient;
    const at = graph.nodes.findIndex(({ name, op }) => name.startsWith('grad/Clip/') && op === 'Where');
    t.not(at, -1);
    const nodes = graph.nodes.map((node, i) =>
      i === at ? { ...node, inputs: [node.inputs[0], node.inputs[1], node.inputs[1]] } : node,
    );
    const wrong = { ...training, gradient: { ...training.gradient, graph: { ...graph, nodes } } };
    const report = await selfCheck(wrong, { random: randomFrom(1) }, openSession);
    t.equal(report.passed, false, report.text);
  },
);

t.test('a layout in which users would mix is refused, even where sizes do not tell', async (t) => {
  // [rows, tokens, 4] → [tokens, rows, 4] → [tokens·rows, 4]: as many as rows·tokens, in another order.
  const b = createBuilder({ name: 'turned' });
  const x = b.input('x', 'float32', ['rows', 'tokens', 4]);
  b.input('attention_mask', 'int64', ['rows', 'tokens']);
  const random = randomFrom(8);
  const weight = b.initializer(
    'w',
    floatTensor(
      Float32Array.from({ length: 16 }, () => random() - 0.5),
      [4, 4],
    ),
  );
  const turned = b.transpose(x, [1, 0, 2]);
  const flat = b.tanh(b.matmul(b.reshape(turned, [-1, 4]), weight, 'block.query'));
  const back = b.node('Reshape', [flat, b.node('Shape', [turned])]);
  b.output(b.transpose(back, [1, 0, 2]), 'float32', ['rows', 'tokens', 4], 'out');
  const training = await buildTrainingGraph(
    b.build(),
    { ...options, adapters: [{ kind: 'lora', targets: 'query', rank: 2, alpha: 4 }] },
    openSession,
  );
  const report = await selfCheck(training, { random: randomFrom(1) }, openSession);
  t.equal(report.isolated, false);
  t.equal(report.passed, false);
  t.match(report.text, /Users stacked in one run change each other/);
});
