import t from 'tap';
import {
  type Adapter,
  buildTrainingGraph,
  type Feeds,
  floatTensor,
  initialParameters,
  type Loss,
  numbersOf,
  parameterCount,
  selfCheck,
  type TrainingOptions,
} from '../index.js';
import { openSession } from '../testing/open-session.js';
import { randomFrom, tinyBert } from '../testing/tiny-bert.js';

const { model: bert } = tinyBert();
const lora = { kind: 'lora', targets: 'query,value', rank: 2, alpha: 4 } satisfies Adapter;
const plain: TrainingOptions = {
  adapters: [lora],
  head: { kind: 'linear' },
  pooling: 'mean',
  loss: { kind: 'softmax' },
};

t.test(
  'every adapter, head, pooling and loss trains eight examples to (almost) no loss, and its gradient passes the check',
  async (t) => {
    const losses: Loss[] = [
      { kind: 'softmax', classWeights: true },
      { kind: 'sigmoid', classWeights: true },
      { kind: 'squared' },
      { kind: 'huber', delta: 0.3 },
    ];
    const variants: [string, Partial<TrainingOptions>][] = [
      ...losses.map((loss): [string, Partial<TrainingOptions>] => [loss.kind, { loss }]),
      ['sigmoid without class weights', { loss: { kind: 'sigmoid' } }],
      ['contrastive beside softmax', { contrastive: { coefficient: 0.1, temperature: 0.3 } }],
      ['all-linear', { adapters: [{ kind: 'lora', targets: 'all-linear', rank: 2, alpha: 2 }] }],
      ['ia3', { adapters: [{ kind: 'ia3', targets: 'key,value', feedForward: 'outer' }] }],
      ['bias', { adapters: [{ kind: 'bias', targets: 'all-linear' }] }],
      ['norm', { adapters: [{ kind: 'norm', targets: 'all' }] }],
      [
        'several adapters on one layer',
        {
          adapters: [
            lora,
            { kind: 'ia3', targets: 'query' },
            { kind: 'bias', targets: 'query' },
            { kind: 'norm', targets: 'all' },
          ],
        },
      ],
      ['mlp head', { head: { kind: 'mlp', hidden: 6, activation: 'gelu' } }],
      ['mlp head, tanh', { head: { kind: 'mlp', hidden: 6, activation: 'tanh' } }],
      ['cls', { pooling: 'cls' }],
      ['last', { pooling: 'last' }],
      ['head alone', { adapters: [] }],
      ['several features', { features: ['layer.0.ffn.norm', 'last_hidden_state'] }],
      ['dropout', { adapters: [{ ...lora, dropout: 0.1 }] }],
      ['alpha as an input', { adapters: [{ ...lora, alpha: 'input' }] }],
    ];
    for (const [name, variant] of variants) {
      const training = await buildTrainingGraph(bert, { ...plain, ...variant }, openSession);
      const report = await selfCheck(training, { random: randomFrom(5) }, openSession);
      t.ok(report.passed, `${name}: ${report.text}`);
      // Learning alone, without decay and smoothing.
      const labels = 2;
      const feeds: Feeds = {
        ...training.sample({ users: 1, rowsPerUser: 8, tokens: 6, labels }),
        label_smoothing: floatTensor([0]),
        weight_decay: floatTensor([0]),
        clip_norm: floatTensor([5]),
      };
      const steps = 60;
      // The rate falls to nothing in the second half: at a constant one AdamW leaves the minimum again when its moments have vanished there, and whether
      // it does by the last step hangs on rounding.
      const rates = (step: number) =>
        floatTensor(
          training.layout.groups.map(() => 0.05 * Math.min(1, 2 - (2 * step) / steps)),
          [1, training.layout.groups.length],
        );
      const session = await openSession(training.step);
      let state: Feeds = {
        parameters: floatTensor(initialParameters(training.layout, labels, randomFrom(9)), [
          1,
          parameterCount(training.layout, labels),
        ]),
      };
      const history: number[] = [];
      for (let step = 1; step <= steps; step++) {
        const all: Feeds = {
          ...feeds,
          ...state,
          step: floatTensor([step]),
          learning_rate: rates(step - 1),
        };
        const answers = await session.run(
          Object.fromEntries(training.step.graph.inputs.map((input) => [input.name, all[input.name]])),
        );
        history.push(numbersOf(answers.loss)[0]);
        state = {
          parameters: answers.next_parameters,
          first_moment: answers.next_first_moment,
          second_moment: answers.next_second_moment,
        };
      }
      await session.close();
      const end = history.at(-1) ?? Number.NaN;
      // A contrastive term does not end at 0, and a head alone only fits what is linearly separable.
      t.ok(
        end < history[0] * (/contrastive|alone|cls|dropout/.test(name) ? 0.8 : 0.4),
        `${name}: ${history[0].toFixed(3)} → ${end.toFixed(4)}`,
      );
    }
  },
);
