import t from 'tap';
import { buildTrainingGraph, registerTraining, selfCheck, type TrainingOptions } from '../index.js';
import { openSession } from '../testing/open-session.test.js';
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
